package dev.backstep.schedule;

import static java.time.temporal.ChronoUnit.SECONDS;

import dev.backstep.catalog.ReplicationStarts;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.ScheduleDefinition.Misfire;
import dev.backstep.domain.VmId;
import dev.backstep.job.Failures;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.ReplicationJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.definition.JobFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;

/**
 * Starts runs of replications when the definitions say so, on whichever server of the database is
 * first. Each run makes up for all starts before it, so only the newest one counts: one that meets
 * a backup of its VM, or too many runs, waits for its turn.
 */
final class ReplicationFires implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(ReplicationFires.class);

  private static final Duration ROUND = Duration.ofSeconds(2);

  /** Where the newest start is looked for first, so that a schedule of seconds costs little. */
  private static final List<Duration> LOOK_BACKS =
      List.of(Duration.ofHours(1), Duration.ofDays(1), Duration.ofDays(32), Duration.ofDays(366));

  private final JobFolder folder;
  private final ReplicationJobs jobs;
  private final TaskJobs tasks;
  private final ReplicationStarts starts;
  private final ProcessLease lease;
  private final ScheduleSettings settings;
  private final Clock clock;
  private final Rounds rounds = new Rounds("replications", ROUND, this::round);
  private String seen = "";
  private Map<String, JobFolder.Entry> entries = Map.of();
  private volatile boolean running;

  ReplicationFires(
      JobFolder folder,
      ReplicationJobs jobs,
      TaskJobs tasks,
      ReplicationStarts starts,
      ProcessLease lease,
      ScheduleSettings settings,
      Clock clock) {
    this.folder = folder;
    this.jobs = jobs;
    this.tasks = tasks;
    this.starts = starts;
    this.lease = lease;
    this.settings = settings;
    this.clock = clock;
  }

  @Override
  public void start() {
    running = true;
    rounds.start();
  }

  @Override
  public void stop() {
    rounds.close();
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /** Like the dispatcher, stopped before what runs is. */
  @Override
  public int getPhase() {
    return Integer.MAX_VALUE;
  }

  void round() {
    // A run whose server died would keep the VM from being backed up.
    Rounds.each(
        List.<Runnable>of(tasks::recoverDead, jobs::closeSnapshots, this::fireAll), Runnable::run);
  }

  private void fireAll() {
    reload();
    Rounds.each(entries.values(), entry -> fire(entry.definition()));
  }

  private void fire(JobDefinition definition) {
    try {
      fire(definition, schedule(definition).orElseThrow());
    } catch (ParseException e) {
      log.error(
          "{}: the schedule of its replication never fires: {}",
          definition.vmName(),
          e.getMessage());
    }
  }

  /** A schedule whose definition cannot be used now stays as it was, as those of backups do. */
  private void reload() {
    String state = folder.state();
    if (state.equals(seen) || !Files.isDirectory(folder.folder())) {
      return;
    }
    JobFolder.Content content = folder.read();
    Set<Path> files =
        entries.values().stream()
            .map(JobFolder.Entry::file)
            .collect(Collectors.toUnmodifiableSet());
    Map<String, JobFolder.Entry> now = new TreeMap<>();
    entries.forEach((vmName, entry) -> {
      if (content.mayHold(vmName, entry.file(), files)) {
        now.put(vmName, entry);
      }
    });
    content
        .byVmName()
        .forEach((vmName, entry) -> {
          if (schedule(entry.definition()).isPresent()) {
            now.put(vmName, entry);
          }
        });
    entries = now;
    seen = state;
  }

  private static Optional<ScheduleDefinition> schedule(JobDefinition definition) {
    return definition.replication().flatMap(replication -> replication.schedule());
  }

  private void fire(JobDefinition definition, ScheduleDefinition schedule) throws ParseException {
    Instant now = clock.instant();
    VmId vm = definition.vmId();
    long token = lease.token();
    Instant last = starts.last(vm, token, now);
    Optional<Instant> newest = newest(schedule, last, now);
    if (newest.isEmpty()
        || Start.of(schedule, definition.vmName(), newest.get(), now).at().isAfter(now)
        || starts.running() >= settings.maxBackups()) {
      return;
    }
    Instant due = newest.get();
    if (starts.take(vm, last, due, token)) {
      begin(definition, schedule, token, due, now);
    }
  }

  private void begin(
      JobDefinition definition, ScheduleDefinition schedule, long token, Instant due, Instant now) {
    VmId vm = definition.vmId();
    Duration late = Duration.between(due, now).truncatedTo(SECONDS);
    if (schedule.misfire() == Misfire.SKIP && late.compareTo(settings.misfireAfter()) > 0) {
      String reason = "noticed " + late + " late, and its schedule says misfire: skip";
      log.warn("{}: replication due at {}: {}", definition.vmName(), due, reason);
      starts.ended(vm, token, "SKIPPED", Optional.of(reason), Optional.empty());
      return;
    }
    String run;
    try {
      run = jobs.replicate(definition, RequestedLevel.AUTO, false).id();
    } catch (OperatorException e) {
      if (e.kind() == OperatorException.Kind.BUSY) {
        starts.giveBack(vm, token, e.getMessage());
      } else {
        starts.ended(vm, token, "FAILED", Optional.of(e.getMessage()), Optional.empty());
        log.error("{}: replication due at {}: {}", definition.vmName(), due, e.getMessage());
      }
      return;
    } catch (RuntimeException e) {
      // It may go in a later round, as where the database was away.
      try {
        starts.giveBack(vm, token, Failures.text(e));
      } catch (RuntimeException again) {
        e.addSuppressed(again); // then the next round does
      }
      throw e;
    }
    starts.ended(vm, token, "STARTED", Optional.empty(), Optional.of(run));
    log.info("{}: replication due at {}, {}", definition.vmName(), due, run);
  }

  /** The newest time behind the last start and not behind now. */
  private static Optional<Instant> newest(ScheduleDefinition schedule, Instant last, Instant now)
      throws ParseException {
    for (Duration back : LOOK_BACKS) {
      boolean whole = last.isAfter(now.minus(back));
      Optional<Instant> found = newestBehind(schedule, whole ? last : now.minus(back), now);
      if (found.isPresent() || whole) {
        return found;
      }
    }
    return Optional.empty();
  }

  private static Optional<Instant> newestBehind(
      ScheduleDefinition schedule, Instant from, Instant now) throws ParseException {
    Timetable timetable = Timetable.of(schedule);
    var calendar = Timetable.calendar(schedule);
    Optional<Instant> newest = Optional.empty();
    Optional<Instant> next = timetable.after(from, calendar);
    while (next.filter(time -> !time.isAfter(now)).isPresent()) {
      newest = next;
      next = timetable.after(next.get(), calendar);
    }
    return newest;
  }
}
