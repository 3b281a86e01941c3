package dev.backstep.job.verify;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.Verifications;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.DeadExecutions;
import dev.backstep.job.Failures;
import dev.backstep.job.JobSettings;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.VerifyJobs;
import dev.backstep.job.VerifyRun;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.launch.JobExecutionNotRunningException;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/** Launches, relaunches, stops and recovers verifications by the job operator's verbs. */
@Component
class VerifyLauncher implements VerifyJobs, SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(VerifyLauncher.class);

  private final JobOperator operator;
  private final JobRepository repository;
  private final Job verifyJob;
  private final Verifications verifications;
  private final VerificationQueries queries;
  private final BackupQueries backups;
  private final ProcessLease lease;
  private final DeadExecutions dead;
  private final Duration stopTimeout;

  /** What runs in this process, until it has ended. */
  private final Map<String, CountDownLatch> running = new ConcurrentHashMap<>();

  private volatile boolean started;

  VerifyLauncher(
      JobOperator operator,
      JobRepository repository,
      Job verifyJob,
      Verifications verifications,
      VerificationQueries queries,
      BackupQueries backups,
      ProcessLease lease,
      DeadExecutions dead,
      JobSettings settings) {
    this.operator = operator;
    this.repository = repository;
    this.verifyJob = verifyJob;
    this.verifications = verifications;
    this.queries = queries;
    this.backups = backups;
    this.lease = lease;
    this.dead = dead;
    this.stopTimeout = settings.stopTimeout();
  }

  @Override
  public VerifyRun verify(Optional<BackupId> backup, boolean whole) {
    if (backup.isPresent()) {
      requireRestorePoint(backup.get());
    }
    String id = verifications.begin(backup, whole, lease.token());
    return run(id, null);
  }

  private void requireRestorePoint(BackupId id) {
    BackupRow row =
        backups
            .find(id.value())
            .orElseThrow(() ->
                OperatorException.notFound(
                    id + ": no such backup; `backstep list` shows the backups"));
    if (row.status() != Status.COMPLETED) {
      throw OperatorException.failed(
          row.id() + " is " + row.status() + "; only COMPLETED backups can be verified", null);
    }
  }

  @Override
  public VerifyRun relaunchVerify(String id) {
    recoverDead();
    VerificationRow row = row(id);
    if (!verifications.resume(id, lease.token())) {
      throw OperatorException.conflict(
          id + " is " + row.status() + "; only what is FAILED or STOPPED can be relaunched", null);
    }
    JobExecution last = lastExecution(id);
    dead.end(last);
    return run(id, last);
  }

  private VerifyRun run(String id, @Nullable JobExecution last) {
    CountDownLatch ended = new CountDownLatch(1);
    running.put(id, ended);
    Thread.ofPlatform().name(id).start(() -> execute(id, last, ended));
    return new LocalVerifyRun(id, ended, queries);
  }

  private void execute(String id, @Nullable JobExecution last, CountDownLatch ended) {
    try {
      if (last == null) {
        dead.clearUnborn(VerifyConfiguration.JOB, parameters(id));
        operator.start(verifyJob, parameters(id));
      } else {
        operator.restart(last);
      }
    } catch (Exception e) {
      log.error("{} could not be launched", id, e);
      verifications.ended(id, lease.token(), Status.FAILED, Optional.of(Failures.text(e)));
    } finally {
      running.remove(id);
      ended.countDown();
    }
  }

  @Override
  public void stopVerify(String id) {
    VerificationRow row = row(id);
    JobExecution execution = lastExecution(id);
    if (row.status() != Status.RUNNING || execution == null || !ask(execution)) {
      throw OperatorException.conflict(id + " is " + row.status() + " and cannot be stopped", null);
    }
  }

  private boolean ask(JobExecution execution) {
    try {
      return operator.stop(execution);
    } catch (JobExecutionNotRunningException e) {
      return false; // it has ended by itself
    }
  }

  /** Ends those whose process is gone, so that they can be relaunched. */
  private void recoverDead() {
    for (VerificationRow row : queries.dead()) {
      dead.end(lastExecution(row.id()));
      if (row.leaseToken().isPresent()) {
        verifications.ended(
            row.id(),
            row.leaseToken().getAsLong(),
            Status.FAILED,
            Optional.of("the process that ran it ended without finishing; relaunch it"));
      }
    }
  }

  private VerificationRow row(String id) {
    return queries
        .find(id)
        .orElseThrow(() -> OperatorException.notFound(id + ": no such verification"));
  }

  private @Nullable JobExecution lastExecution(String id) {
    return repository.getLastJobExecution(VerifyConfiguration.JOB, parameters(id));
  }

  private static JobParameters parameters(String id) {
    return new JobParametersBuilder()
        .addString(VerifyConfiguration.JOB, id, true)
        .toJobParameters();
  }

  // What runs is stopped, and waited for, before the database goes.

  @Override
  public void start() {
    recoverDead();
    started = true;
  }

  @Override
  public void stop() {
    started = false;
    Map<String, CountDownLatch> stopping = Map.copyOf(running);
    for (String id : stopping.keySet()) {
      JobExecution execution = lastExecution(id);
      if (execution != null) {
        ask(execution);
      }
    }
    long deadline = System.nanoTime() + stopTimeout.toNanos();
    for (Map.Entry<String, CountDownLatch> one : stopping.entrySet()) {
      try {
        if (!one.getValue().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          log.error("{} did not stop within {}; relaunch it", one.getKey(), stopTimeout);
        }
      } catch (InterruptedException e) {
        log.error("interrupted while {} was stopping; relaunch it", one.getKey(), e);
      }
    }
  }

  @Override
  public boolean isRunning() {
    return started;
  }

  @Override
  public int getPhase() {
    return Integer.MAX_VALUE - 1;
  }
}
