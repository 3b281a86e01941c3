package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Releases;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.DeadExecutions;
import dev.backstep.job.Failures;
import dev.backstep.job.JobSettings;
import dev.backstep.job.LogFields;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Refusals;
import dev.backstep.job.RestorePointRemoval;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/**
 * Puts right what a process that died has left in the job repository and the catalog, so that its
 * backups can be relaunched. Touches only backups whose owner's lease has expired.
 */
@Component
class Recovery {

  private static final Logger log = LoggerFactory.getLogger(Recovery.class);

  private static final Duration CLOSE_MAX = Duration.ofMinutes(5);
  private static final Duration CLOSE_PAUSE = Duration.ofMillis(20);

  private final DeadExecutions dead;
  private final JobRepository repository;
  private final Backups backups;
  private final BackupQueries queries;
  private final BackupQueue queue;
  private final Continuations continuations;
  private final Leftovers leftovers;
  private final RestorePointRemoval removal;
  private final Releases releases;
  private final Duration keep;
  private final ApplicationEventPublisher events;

  Recovery(
      DeadExecutions dead,
      JobRepository repository,
      Backups backups,
      BackupQueries queries,
      BackupQueue queue,
      Continuations continuations,
      Leftovers leftovers,
      RestorePointRemoval removal,
      Releases releases,
      JobSettings settings,
      ApplicationEventPublisher events) {
    this.dead = dead;
    this.repository = repository;
    this.backups = backups;
    this.queries = queries;
    this.queue = queue;
    this.continuations = continuations;
    this.leftovers = leftovers;
    this.removal = removal;
    this.releases = releases;
    this.keep = settings.snapshotKeep();
    this.events = events;
  }

  /**
   * Recovers every backup and every execution whose owner is dead, and removes what deleted restore
   * points have left. One that cannot be recovered is told and keeps nothing else from its work.
   */
  void run() {
    for (long number : queries.unfinishedExecutions()) {
      apart("execution " + number, () -> recoverExecution(number));
    }
    recoverBackups(row -> false);
    apart("deleted restore points", removal::finish);
  }

  private void recoverExecution(long number) {
    JobExecution execution = repository.getJobExecution(number);
    if (execution == null || !isBackup(execution)) {
      return;
    }
    BackupId id = BackupParameters.backup(execution.getJobParameters());
    queue.inTurn(() -> {
      if (queries.find(id.value()).isEmpty() || !queries.ownerAlive(id)) {
        end(execution);
      }
      return id;
    });
  }

  private static void apart(Object what, Runnable recovery) {
    try {
      recovery.run();
    } catch (RuntimeException e) {
      log.error("{}: cannot be recovered: {}", what, Failures.text(Failures.root(List.of(e))));
    }
  }

  /** The repository's own question for the executions of a job reads all there ever were. */
  private static boolean isBackup(JobExecution execution) {
    return execution.getJobInstance().getJobName().equals(BackupJobConfiguration.JOB);
  }

  /**
   * The part of {@link #run} that is cheap enough for every few seconds.
   *
   * @param dropped whether this process owns a backup and does not run it, as when the database was
   *     away at its end
   */
  void recoverBackups(Predicate<BackupRow> dropped) {
    for (BackupRow row : queries.running()) {
      if (!queries.ownerAlive(row.id()) || dropped.test(row)) {
        try (LogFields.Field _ = LogFields.backup(row.id())) {
          apart(row.id(), () -> recover(row, dropped));
        }
      }
    }
    for (BackupRow row : queries.endedButUnfinished()) {
      if (!queries.ownerAlive(row.id()) || dropped.test(row)) {
        apart(row.id(), () -> end(repository.getJobExecution(row.executionId().orElseThrow())));
      }
    }
  }

  /**
   * As {@link BackupJobs#closeSnapshots}.
   *
   * @param dropped as for {@link #recoverBackups}
   */
  void closeSnapshots(Predicate<BackupRow> dropped) {
    for (BackupRow row : queries.snapshotsToClose(Instant.now(), dropped)) {
      apart(
          row.id(),
          () -> {
            if (row.wasCompleted()) {
              closeSealed(row);
            } else {
              leftovers.giveUpExpired(row);
            }
          });
    }
  }

  /**
   * Waits until the VM's sealed backups have let their snapshots go, and nothing of it is being
   * given up: both still remove marks at the source that nobody needs, and would take those of a
   * backup that begins meanwhile for such. Does it for those whose process died.
   *
   * @throws OperatorException BUSY when a living process takes too long for it
   */
  void awaitClosed(RepositoryId repository, VmId vm) throws InterruptedException {
    long end = System.nanoTime() + CLOSE_MAX.toNanos();
    while (isClosing(repository, vm)) {
      if (System.nanoTime() > end) {
        throw OperatorException.busy(
            "an earlier backup of this VM is COMPLETED or given up and has not let its snapshot go"
                + " in "
                + CLOSE_MAX.toMinutes()
                + " minutes; look at the log of the process that ran it and at the source, then"
                + " relaunch this one",
            null);
      }
      Thread.sleep(CLOSE_PAUSE);
    }
  }

  private boolean isClosing(RepositoryId repository, VmId vm) {
    List<BackupRow> closing = queries.closing(repository, vm);
    closing.stream().filter(row -> !queries.ownerAlive(row.id())).forEach(this::closeSealed);
    return leftovers.isGivingUp(repository, vm) || !closing.isEmpty();
  }

  private void closeSealed(BackupRow row) {
    if (leftovers.takeOver(row)) {
      row.executionId().ifPresent(number -> end(repository.getJobExecution(number)));
    }
  }

  /**
   * Recovers one backup; the caller knows that its owner is dead. Another process may be at the
   * same, and have gone on with the backup already. While the owner has the row in a transaction,
   * as one whose machine stands still, it is left for now: nobody is to wait for that in the turn
   * of the queue.
   *
   * @param dropped as for {@link #recoverBackups}; asked again, since a backup that was dropped may
   *     have been gone on with in the turn that was waited for
   */
  void recover(BackupRow row, Predicate<BackupRow> dropped) {
    boolean ended =
        queue.inTurn(() -> {
          if (!queue.tryLock(row.id())) {
            return false;
          }
          BackupRow now = queries.backup(row.id());
          if (now.status() == Status.RUNNING
              && now.leaseToken().equals(row.leaseToken())
              && (!queries.ownerAlive(row.id()) || dropped.test(now))) {
            long owner = row.leaseToken().orElseThrow();
            boolean goesOn = continuations.afterDeath(row.id(), owner);
            log.warn(
                "{}: the process that ran it is gone; it {}",
                row.id(),
                goesOn ? "goes on" : "can be relaunched");
            releases.mayHold(row.id(), Instant.now().plus(keep));
            return backups.ended(
                row.id(),
                owner,
                Status.FAILED,
                Optional.of(
                    "the process that ran it ended without finishing; "
                        + (goesOn ? "a server goes on with it" : "relaunch it")));
          }
          return false;
        });
    if (ended) {
      BackupRow now = queries.backup(row.id());
      events.publishEvent(new BackupEvent.Ended(now, Optional.empty()));
      // Not in the transaction: a thread of this process that has lost its lease may hold Batch's
      // lock on its step and wait for our row of it, while we wait for that lock.
      row.executionId().ifPresent(number -> end(repository.getJobExecution(number)));
    }
  }

  /**
   * Recovers one backup that an operator names.
   *
   * @param last its newest execution; null when it never had one
   * @throws OperatorException as {@link BackupJobs#recover}
   */
  void asked(BackupRow row, @Nullable JobExecution last, boolean force) {
    boolean owned = queries.ownerAlive(row.id());
    if (row.status() == Status.RUNNING) {
      if (owned) {
        throw OperatorException.busy(
            row.id() + ": the process that runs it is alive; stop the backup instead", null);
      }
      recover(row, other -> false);
      BackupRow now = queries.backup(row.id());
      if (now.status() == Status.RUNNING && now.leaseToken().equals(row.leaseToken())) {
        throw OperatorException.busy(
            row.id()
                + ": the process that ran it is in the middle of a transaction, though its lease is"
                + " over; let it go on, or end it, then try again",
            null);
      }
      return;
    }
    // Its process may live; it does not work on the backup any more, whatever Batch knows.
    if (last != null && last.getStatus() == BatchStatus.UNKNOWN) {
      if (owned && !force) {
        throw OperatorException.busy(
            row.id()
                + ": the end of its execution "
                + last.getId()
                + " is UNKNOWN, and the process that ran it is alive; `backstep executions recover"
                + " --force ID` ends it all the same",
            null);
      }
      end(last);
      return;
    }
    // Every start recovers what is dead, the one that brought us here included.
    if (row.status() != Status.FAILED && row.status() != Status.STOPPED) {
      throw Refusals.notNow(row, "recovered", "RUNNING without a living owner, or UNKNOWN,");
    }
  }

  void clearUnborn(JobParameters parameters) {
    dead.clearUnborn(BackupJobConfiguration.JOB, parameters);
  }

  void end(@Nullable JobExecution execution) {
    dead.end(execution);
  }
}
