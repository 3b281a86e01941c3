package dev.backstep.job.copy;

import dev.backstep.backup.RetentionRules;
import dev.backstep.catalog.Copies;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.Refusals;
import dev.backstep.job.RepositoryLocks;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/** Begins copies of what is missing. */
@Component
class CopyStart implements CopyJobs {

  private static final Logger log = LoggerFactory.getLogger(CopyStart.class);

  private final TaskJobs jobs;
  private final Tasks tasks;
  private final Copies copies;
  private final Repositories repositories;
  private final Transactions transactions;
  private final ProcessLease lease;
  private final RepositoryLocks locks;

  CopyStart(
      TaskJobs jobs,
      Tasks tasks,
      Copies copies,
      Repositories repositories,
      PlatformTransactionManager manager,
      ProcessLease lease,
      RepositoryLocks locks) {
    this.locks = locks;
    this.jobs = jobs;
    this.tasks = tasks;
    this.copies = copies;
    this.repositories = repositories;
    this.transactions = new Transactions(manager);
    this.lease = lease;
  }

  /** Two repositories, open and known. */
  private record Pair(Repository source, Repository target) {}

  @Override
  public TaskRun copy(CopyRequest request) {
    try {
      Pair pair = open(request.source(), request.target());
      List<RestorePoint> points = chosen(request, pair.source());
      CopySettings settings =
          new CopySettings(
              pair.source().root().toString(),
              pair.target().root().toString(),
              missing(points, pair.target()),
              null);
      return begin(pair, settings, pair.source().root() + " to " + pair.target().root());
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  @Override
  public TaskRun copy(JobDefinition definition, CopyDefinition copy, String subject) {
    try {
      Pair pair = open(Path.of(definition.repository()), Path.of(copy.repository()));
      VmId vm = definition.vmId();
      ZoneId zone =
          definition.schedule().map(ScheduleDefinition::zone).orElse(ZoneId.systemDefault());
      List<RestorePoint> points =
          points(pair.source()).stream()
              .filter(point -> point.vmId().equals(vm.value()))
              .filter(kept(definition, copy, pair.target(), zone)::contains)
              .toList();
      CopySettings settings =
          new CopySettings(
              pair.source().root().toString(),
              pair.target().root().toString(),
              missing(points, pair.target()),
              copy.retention()
                  .map(rules -> CopySettings.Retention.of(vm.value(), zone.getId(), rules))
                  .orElse(null));
      return begin(pair, settings, subject + " to " + pair.target().root());
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  private Pair open(Path from, Path to) throws IOException {
    Repository source = Repository.open(from);
    Path place = to.toAbsolutePath().normalize();
    if (place.startsWith(source.root()) || source.root().startsWith(place)) {
      throw OperatorException.usage(
          place + " is, holds or lies in the repository " + source.root() + "; name another folder",
          null);
    }
    Repository target = Repository.openOrCreate(place);
    if (target.id().equals(source.id())) {
      throw OperatorException.usage(
          place + " has the id of " + source.root() + "; a copy needs a repository of its own",
          null);
    }
    target.checkWritable();
    locks.take(target);
    repositories.register(source.id(), source.root().toString());
    repositories.register(target.id(), target.root().toString());
    return new Pair(source, target);
  }

  private static List<RestorePoint> chosen(CopyRequest request, Repository source)
      throws IOException {
    List<RestorePoint> all = points(source);
    Set<String> names =
        all.stream()
            .flatMap(point -> List.of(point.vmName(), point.vmId(), point.backupId()).stream())
            .collect(Collectors.toSet());
    List<String> asked = new ArrayList<>(request.vmNames());
    asked.addAll(request.ids());
    for (String name : asked) {
      if (!names.contains(name)) {
        throw OperatorException.notFound(name + ": no restore point of that in " + source.root());
      }
    }
    Map<String, Integer> counts = new HashMap<>();
    return all.stream()
        .filter(point ->
            request.vmNames().isEmpty()
                || request.vmNames().contains(point.vmName())
                || request.vmNames().contains(point.vmId()))
        .filter(point -> request.ids().isEmpty() || request.ids().contains(point.backupId()))
        .filter(point ->
            request.last().isEmpty()
                || counts.merge(point.vmId(), 1, Integer::sum) <= request.last().getAsInt())
        .toList();
  }

  /** What cannot be read cannot be copied; the others are, and which are not is told. */
  private static List<RestorePoint> points(Repository source) throws IOException {
    Holdings holdings = Holdings.of(source);
    holdings.problems().forEach(problem -> log.warn("left out of the copy: {}", problem));
    return holdings.points();
  }

  /**
   * What the copy's retention would keep if it had all that is here and there. A copy was compared
   * with its checksums when it was made, so each counts as proven.
   */
  private Set<RestorePoint> kept(
      JobDefinition definition, CopyDefinition copy, Repository target, ZoneId zone)
      throws IOException {
    List<RestorePoint> here =
        Holdings.of(Repository.open(Path.of(definition.repository()))).points().stream()
            .filter(point -> point.vmId().equals(definition.vmId().value()))
            .toList();
    if (copy.retention().isEmpty()) {
      return Set.copyOf(here);
    }
    Map<BackupId, RetentionRules.Point> all = new HashMap<>();
    copies.points(target.id(), definition.vmId()).stream()
        .filter(point -> target.holds(definition.vmId(), point.id()))
        .forEach(point ->
            all.put(
                point.id(), new RetentionRules.Point(point.id(), point.takenAt(), false, true)));
    for (RestorePoint point : here) {
      BackupId id = new BackupId(point.backupId());
      all.put(
          id, new RetentionRules.Point(id, Instant.parse(point.snapshotTakenAt()), false, true));
    }
    Set<BackupId> kept =
        RetentionRules.kept(all.values(), copy.retention().get(), zone, Instant.now()).keySet();
    return here.stream()
        .filter(point -> kept.contains(new BackupId(point.backupId())))
        .collect(Collectors.toSet());
  }

  /** Oldest first, so that each one finds the images that it stands on. */
  private static List<CopySettings.Point> missing(List<RestorePoint> points, Repository target) {
    List<CopySettings.Point> missing = new ArrayList<>();
    for (RestorePoint point : points) {
      if (!target.holds(new VmId(point.vmId()), new BackupId(point.backupId()))) {
        missing.add(new CopySettings.Point(point.vmId(), point.backupId()));
      }
    }
    Collections.reverse(missing);
    return missing;
  }

  private TaskRun begin(Pair pair, CopySettings settings, String subject) {
    String id =
        transactions.in(() -> {
          copies.lock(pair.target().id());
          refuseBeside(settings);
          return tasks.begin(TaskKind.COPY, subject, settings.text(), lease.token());
        });
    return jobs.launch(id);
  }

  /** Two of the same VM would delete under each other what the other one builds on. */
  private void refuseBeside(CopySettings settings) {
    for (String text : copies.running()) {
      CopySettings other = CopySettings.read(text);
      if (other.target().equals(settings.target())
          && !Collections.disjoint(other.machines(), settings.machines())) {
        throw OperatorException.busy(
            "another copy of the same VM to " + settings.target() + " runs; `backstep tasks`",
            null);
      }
    }
  }
}
