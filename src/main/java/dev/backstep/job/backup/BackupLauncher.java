package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.Failures;
import dev.backstep.job.LogFields;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.QueueChanged;
import dev.backstep.job.Refusals;
import dev.backstep.job.Registration;
import dev.backstep.job.Sources;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Repository;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.launch.JobExecutionNotRunningException;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Launches, relaunches, stops, abandons and recovers backups by the job operator's verbs. */
@Component
class BackupLauncher implements BackupJobs {

  private static final Logger log = LoggerFactory.getLogger(BackupLauncher.class);

  private final JobOperator operator;
  private final JobRepository jobRepository;
  private final Job backupJob;
  private final ActiveBackups actives;
  private final Backups backups;
  private final BackupQueue queue;
  private final Continuations continuations;
  private final BackupQueries queries;
  private final BackupRequests requests;
  private final Registration registration;
  private final Sources sources;
  private final Abandonment abandonment;
  private final Recovery recovery;
  private final ProcessLease lease;
  private final Leases leases;
  private final ApplicationEventPublisher events;

  /**
   * Ours by what the database says, and not yet among the active ones; by the lease that each was
   * taken under. The row's may be another's by the time that we come to it.
   */
  private final Map<BackupId, Long> starting = new ConcurrentHashMap<>();

  BackupLauncher(
      JobOperator operator,
      JobRepository jobRepository,
      Job backupJob,
      ActiveBackups actives,
      Backups backups,
      BackupQueue queue,
      Continuations continuations,
      BackupQueries queries,
      BackupRequests requests,
      Registration registration,
      Sources sources,
      Abandonment abandonment,
      Recovery recovery,
      ProcessLease lease,
      Leases leases,
      ApplicationEventPublisher events) {
    this.operator = operator;
    this.jobRepository = jobRepository;
    this.backupJob = backupJob;
    this.actives = actives;
    this.backups = backups;
    this.queue = queue;
    this.continuations = continuations;
    this.queries = queries;
    this.requests = requests;
    this.registration = registration;
    this.sources = sources;
    this.abandonment = abandonment;
    this.recovery = recovery;
    this.lease = lease;
    this.leases = leases;
    this.events = events;
  }

  @Override
  public BackupRun launch(JobDefinition definition, RequestedLevel level) {
    try {
      Repository repository = registration.register(definition);
      VmSource source = sources.open(definition.source());
      long token = lease.token();
      BackupId id =
          backups.begin(
              new Backups.NewBackup(
                  definition.vmId(),
                  repository.id(),
                  level,
                  JobDefinitions.write(definition),
                  token));
      return run(
          new ActiveBackup(id, Optional.empty(), definition, repository, source, token), null);
    } catch (VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  @Override
  public BackupId enqueue(JobDefinition definition, RequestedLevel level, Launch launch) {
    BackupId id = requests.enqueue(definition, level, launch);
    events.publishEvent(new QueueChanged());
    return id;
  }

  @Override
  public boolean take(BackupId id) {
    // An earlier run of it may be at work here yet, as one that slept past its lease.
    if (isExternal(queries.backup(id)) || actives.find(id).isPresent()) {
      return false;
    }
    long token = lease.token();
    starting.put(id, token);
    try {
      boolean taken = queue.take(id, token);
      if (!taken) {
        starting.remove(id);
      }
      return taken;
    } catch (RuntimeException e) {
      starting.remove(id);
      throw e;
    }
  }

  @Override
  public BackupRun begin(BackupId id) {
    long token = Objects.requireNonNull(starting.get(id), () -> id + " was not taken");
    BackupRow row = queries.backup(id);
    try {
      JobExecution last = lastExecution(row);
      leases.check(token, id);
      recovery.end(last);
      return run(open(row, token), last);
    } catch (FencedException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException | JobDefinitionException e) {
      failed(id, token, e, Optional.empty());
      throw e instanceof IOException io
          ? Refusals.of(io)
          : OperatorException.failed(
              id + ": the definition that it was started with cannot be read: " + e.getMessage(),
              e);
    } finally {
      starting.remove(id);
    }
  }

  @Override
  public void drop(BackupId id) {
    starting.remove(id);
  }

  @Override
  public BackupId requeue(String id, String caller) {
    BackupRow row = relaunchable(id);
    requests.again(row, caller);
    events.publishEvent(new QueueChanged());
    return row.id();
  }

  private BackupRow relaunchable(String id) {
    BackupRow row = row(id);
    if (isExternal(row)) {
      throw OperatorException.failed(
          row.id()
              + ": another program copied its disks, so it cannot be relaunched; let that program"
              + " begin a new backup",
          null);
    }
    if (row.status() != Status.FAILED && row.status() != Status.STOPPED) {
      throw Refusals.notNow(row, "relaunched", "FAILED or STOPPED");
    }
    return row;
  }

  @Override
  public BackupRun relaunch(String id) {
    BackupRow row = relaunchable(id);
    actives.requireNone(row.id());
    try {
      long token = lease.token();
      ActiveBackup active = open(row, token);
      starting.put(row.id(), token);
      resume(row, token);
      return goOn(active);
    } catch (VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException e) {
      throw Refusals.of(e);
    } finally {
      starting.remove(row.id());
    }
  }

  private void resume(BackupRow row, long token) {
    try {
      backups.resume(row.id(), token);
    } catch (IllegalStateException e) {
      log.debug("it was FAILED or STOPPED a moment ago", e);
      throw Refusals.notNow(row(row.id().value()), "relaunched", "FAILED or STOPPED");
    }
  }

  /** It is ours now, and so is its last execution. */
  private BackupRun goOn(ActiveBackup active) {
    try {
      JobExecution last = lastExecution(queries.backup(active.id()));
      recovery.end(last);
      return run(active, last);
    } catch (RuntimeException e) {
      tryFailed(active, e);
      throw e;
    }
  }

  private ActiveBackup open(BackupRow row, long token) throws IOException {
    JobDefinition definition = JobDefinitions.read(row.definition());
    Repository repository = registration.reopen(row, definition);
    return new ActiveBackup(
        row.id(),
        row.launch().scheduledAt(),
        definition,
        repository,
        sources.open(definition.source()),
        token);
  }

  private @Nullable JobExecution lastExecution(BackupRow row) {
    return jobRepository.getLastJobExecution(BackupJobConfiguration.JOB, BackupParameters.of(row));
  }

  private BackupRun run(ActiveBackup active, @Nullable JobExecution last) {
    actives.add(active);
    starting.remove(active.id());
    Thread.ofPlatform()
        .name("backup-" + active.definition().vmName())
        .start(LogFields.of(active.id(), () -> execute(active, last)));
    return new LocalRun(active, queries);
  }

  private void execute(ActiveBackup active, @Nullable JobExecution last) {
    try {
      recovery.awaitClosed(active.repository().id(), active.vm());
      if (last == null) {
        recovery.clearUnborn(active.parameters());
        operator.start(backupJob, active.parameters());
      } else {
        operator.restart(last);
      }
    } catch (Exception e) {
      log.error("{} could not be launched", active.id(), e);
      active.failed(e);
      active.closeSnapshot();
      tryFailed(active, e);
    } finally {
      actives.remove(active);
      active.ended();
      events.publishEvent(new QueueChanged());
    }
  }

  /** Where not even that can be noted, whoever starts next finds its owner dead. */
  private void tryFailed(ActiveBackup active, Exception cause) {
    try {
      failed(active.id(), active.leaseToken(), cause, Optional.of(active.ran()));
    } catch (RuntimeException e) {
      log.error("{}: the database did not take that it failed: {}", active.id(), e.getMessage());
    }
  }

  private void failed(BackupId id, long token, Exception cause, Optional<Duration> ran) {
    backups.ended(id, token, Status.FAILED, Optional.of(Failures.text(cause)));
    events.publishEvent(new BackupEvent.Ended(queries.backup(id), ran));
  }

  @Override
  public void stop(String id) {
    BackupRow row = row(id);
    if (isExternal(row) && row.status() == Status.RUNNING) {
      abandonment.giveUpExternal(row);
      return;
    }
    // In between it may have been put in the queue, or taken out of it.
    if (leavesQueue(row) || leavesQueue(row(id))) {
      return;
    }
    row = row(id);
    if (row.status() != Status.RUNNING) {
      throw Refusals.notNow(row, "stopped", "RUNNING");
    }
    JobExecution execution = lastExecution(row);
    try {
      if (execution == null || !operator.stop(execution)) {
        throw Refusals.beginsOrEnds(id);
      }
    } catch (JobExecutionNotRunningException e) {
      throw Refusals.beginsOrEnds(id);
    }
  }

  private boolean leavesQueue(BackupRow row) {
    return (row.status() == Status.QUEUED
            && queue.cancel(row.id(), lease.token(), Optional.empty()))
        || (row.launch().startAfter().isPresent()
            && continuations.notAgain(row.id(), "an operator asked not to go on with it"));
  }

  @Override
  public void abandon(String id) {
    BackupRow row = row(id);
    abandonment.abandon(row, () -> Optional.ofNullable(lastExecution(row)));
  }

  static boolean isExternal(BackupRow row) {
    return row.launch().mover() == Mover.EXTERNAL;
  }

  @Override
  public void recover(String id, boolean force) {
    BackupRow row = row(id);
    if (isExternal(row) && row.status() == Status.RUNNING) {
      throw OperatorException.busy(
          row.id()
              + ": its mover may go on at any time and needs no recovery for that; `backstep stop"
              + " ID` gives it up",
          null);
    }
    recovery.asked(row, lastExecution(row), force);
  }

  @Override
  public void recoverBackups() {
    recovery.recoverBackups(this::isDropped);
  }

  @Override
  public void closeSnapshots() {
    recovery.closeSnapshots(this::isDropped);
  }

  /** Whether it is ours by what the database says, and no thread of ours runs it. */
  private boolean isDropped(BackupRow row) {
    return lease.holds(row.leaseToken().orElseThrow())
        && !starting.containsKey(row.id())
        && actives.find(row.id()).isEmpty();
  }

  @Override
  public void recoverDead() {
    sources.endLeftovers();
    recovery.run();
  }

  private BackupRow row(String id) {
    return queries
        .named(id)
        .orElseThrow(() ->
            OperatorException.notFound(
                id + ": no such backup or execution; `backstep list` shows the backups"));
  }
}
