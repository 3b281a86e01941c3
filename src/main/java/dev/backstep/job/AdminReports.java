package dev.backstep.job;

import dev.backstep.catalog.AdminQueries;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.job.definition.DidYouMean;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.stereotype.Component;

/**
 * Answers the questions of administrators in the form that the command line prints with {@code
 * --json} and the REST API gives: names in snake case, sizes in bytes, times in ISO 8601 with
 * offset. Safe for use by many threads.
 */
@Component
public class AdminReports {

  /** How long a server may take to see a start and come to an end with it. */
  private static final Duration GRACE = Duration.ofMinutes(2);

  private static final Duration DAY = Duration.ofDays(1);
  private static final Duration WEEK = Duration.ofDays(7);
  private static final Duration MONTH = Duration.ofDays(30);

  /** A nightly backup may take two hours more than the one before. */
  private static final Duration NIGHTLY = Duration.ofHours(26);

  private final AdminQueries queries;
  private final BackupQueries backups;
  private final Clock clock;

  @Autowired
  public AdminReports(AdminQueries queries, BackupQueries backups) {
    this(queries, backups, Clock.systemUTC());
  }

  AdminReports(AdminQueries queries, BackupQueries backups, Clock clock) {
    this.queries = queries;
    this.backups = backups;
    this.clock = clock;
  }

  /**
   * One page of a report. RUNNING and STUCK have one page only, whatever its limit.
   *
   * @throws OperatorException USAGE when the page's place is unknown, or LINEAGE lacks its VM or
   *     disk; NOT_FOUND when there is no such VM
   */
  public Page<Map<String, @Nullable Object>> page(
      AdminReport report, AdminFilter filter, PageRequest request) {
    Page<Map<String, @Nullable Object>> page;
    try {
      page = rows(report, filter, request);
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    }
    if (page.items().isEmpty()) {
      filter.vm().ifPresent(this::requireKnown);
    }
    return page;
  }

  private Page<Map<String, @Nullable Object>> rows(
      AdminReport report, AdminFilter filter, PageRequest request) {
    Instant now = clock.instant();
    Function<Duration, Instant> since = by -> filter.since().orElse(now.minus(by));
    return switch (report) {
      case RUNNING -> whole(queries.running(), backup -> AdminDocuments.running(backup, now));
      case STUCK -> whole(queries.stuck(), AdminDocuments::stuck);
      case FAILED -> map(queries.failed(since.apply(WEEK), request), AdminDocuments::execution);
      case LONGEST -> map(queries.longest(since.apply(WEEK), request), AdminDocuments::execution);
      case THROUGHPUT ->
          map(
              queries.throughput(filter.vm(), filter.disk(), since.apply(WEEK), request),
              run -> AdminDocuments.disk(run, now));
      case FULLS ->
          map(
              queries.fulls(filter.vm(), filter.reason(), since.apply(MONTH), request),
              run -> AdminDocuments.disk(run, now));
      case LINEAGE ->
          map(
              queries.lineage(needed(filter.vm().orElse("")), needed(filter.disk()), request),
              run -> AdminDocuments.disk(run, now));
      case STALE ->
          map(
              queries.stale(since.apply(NIGHTLY), request),
              machine -> AdminDocuments.stale(machine, now));
      case MISSED ->
          map(queries.missed(since.apply(DAY), now.minus(GRACE), request), AdminDocuments::missed);
    };
  }

  private static String needed(String vm) {
    if (vm.isEmpty()) {
      throw new IllegalArgumentException("the lineage of which VM? its name is needed");
    }
    return vm;
  }

  private static int needed(OptionalInt disk) {
    return disk.orElseThrow(
        () -> new IllegalArgumentException("the lineage of which disk? its number is needed"));
  }

  private void requireKnown(String vm) {
    List<String> names = backups.vmNames();
    if (!names.contains(vm)) {
      throw OperatorException.notFound(
          "no backup of a VM named '" + vm + "'" + DidYouMean.hint(vm, names));
    }
  }

  private static <T> Page<Map<String, @Nullable Object>> whole(
      List<T> rows, Function<T, Map<String, @Nullable Object>> document) {
    return new Page<>(rows.stream().map(document).toList(), Optional.empty());
  }

  private static <T> Page<Map<String, @Nullable Object>> map(
      Page<T> page, Function<T, Map<String, @Nullable Object>> document) {
    return new Page<>(page.items().stream().map(document).toList(), page.next());
  }
}
