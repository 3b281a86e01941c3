package dev.backstep.api;

import dev.backstep.catalog.ExecutionQueries;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Reason;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.AdminReports;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/**
 * Job executions with their steps, and the reports of {@code backstep executions}: what runs,
 * failed, hangs, took long, is stale.
 */
@RestController
@RequestMapping("/api/v1/executions")
class ExecutionController {

  /** A number of fewer digits is a {@code long}. */
  private static final int LONG_DIGITS = 19;

  private final AdminReports reports;
  private final ExecutionQueries executions;
  private final RequestedBackups requests;

  ExecutionController(
      AdminReports reports, ExecutionQueries executions, RequestedBackups requests) {
    this.reports = reports;
    this.executions = executions;
    this.requests = requests;
  }

  /** What the job repository remembers, newest first. */
  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "backup_id", required = false) @Nullable String backup,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    Optional<BackupId> of = Optional.ofNullable(backup).map(id -> requests.find(id).id());
    return Paging.answer(
        "executions",
        Paging.page(Paging.request(limit, after), request -> executions.page(of, request)),
        ExecutionDocument::fields);
  }

  @GetMapping("/{id:[0-9]+}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return ExecutionDocument.fields(
        Optional.of(id)
            .filter(digits -> digits.length() < LONG_DIGITS)
            .flatMap(digits -> executions.find(Long.parseLong(digits)))
            .orElseThrow(() ->
                new Problem(
                    HttpStatus.NOT_FOUND,
                    "no execution "
                        + id
                        + "; those of old backups are forgotten, GET /api/v1/executions tells"
                        + " which there are")));
  }

  @GetMapping("/{report:[a-z-]+}")
  Map<String, @Nullable Object> report(
      @PathVariable String report,
      @RequestParam(name = "vm_name", required = false) @Nullable String vmName,
      @RequestParam(name = "disk_id", required = false) @Nullable String diskId,
      @RequestParam(name = "since", required = false) @Nullable String since,
      @RequestParam(name = "reason", required = false) @Nullable String reason,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    AdminReport asked =
        AdminReport.ofWord(report)
            .orElseThrow(() ->
                new Problem(
                    HttpStatus.NOT_FOUND,
                    "no report '"
                        + report
                        + "'; there are "
                        + Arrays.stream(AdminReport.values())
                            .map(AdminReport::word)
                            .collect(Collectors.joining(", "))));
    AdminFilter filter =
        new AdminFilter(
            Optional.ofNullable(vmName), disk(diskId), Paging.time(since), reason(reason));
    return Paging.answer(
        asked.word(), reports.page(asked, filter, Paging.request(limit, after)), row -> row);
  }

  /** No VM has a disk of the largest number, so it stands for all that are larger. */
  private static OptionalInt disk(@Nullable String text) {
    if (text == null) {
      return OptionalInt.empty();
    }
    BigInteger number = DiskIds.parse(text);
    return OptionalInt.of(number.min(DiskIds.MAX).intValue());
  }

  private static Optional<Reason> reason(@Nullable String text) {
    if (text == null) {
      return Optional.empty();
    }
    return Arrays.stream(Reason.values())
        .filter(reason -> reason.name().equals(text.toUpperCase(Locale.ROOT)))
        .findFirst()
        .or(() -> {
          throw new Problem(
              HttpStatus.BAD_REQUEST,
              "'reason' is '" + text + "', accepted: " + Arrays.toString(Reason.values()));
        });
  }
}
