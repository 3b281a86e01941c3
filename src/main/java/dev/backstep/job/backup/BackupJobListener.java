package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.FencedException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.Failures;
import dev.backstep.job.LogFields;
import dev.backstep.repository.Repository;
import dev.backstep.source.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.listener.JobExecutionListener;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Binds a job execution to its backup, and records how it ended. */
@Component
class BackupJobListener implements JobExecutionListener {

  /** With less room than this nothing was going to be written. */
  private static final long ROOM_BYTES_MIN = 16L << 20;

  private static final Logger log = LoggerFactory.getLogger(BackupJobListener.class);

  private final ActiveBackups actives;
  private final Backups backups;
  private final BackupQueries queries;
  private final Continuations continuations;
  private final Leftovers leftovers;
  private final ApplicationEventPublisher events;

  BackupJobListener(
      ActiveBackups actives,
      Backups backups,
      BackupQueries queries,
      Continuations continuations,
      Leftovers leftovers,
      ApplicationEventPublisher events) {
    this.actives = actives;
    this.backups = backups;
    this.queries = queries;
    this.continuations = continuations;
    this.leftovers = leftovers;
    this.events = events;
  }

  @Override
  public void beforeJob(JobExecution execution) {
    // Its thread ends with the backup.
    LogFields.keepExecution(execution.getId());
    BackupId id = BackupParameters.backup(execution.getJobParameters());
    try {
      backups.executing(id, actives.get(id).leaseToken(), execution.getId());
    } catch (FencedException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  /** Runs however the job ended, so that no snapshot outlives it in this process. */
  @Override
  public void afterJob(JobExecution execution) {
    BackupId id = BackupParameters.backup(execution.getJobParameters());
    ActiveBackup active = actives.get(id);
    Optional<Snapshot> closed = active.closeSnapshot();
    if (closed.isPresent() && execution.getStatus() != BatchStatus.COMPLETED) {
      leftovers.forget(active, closed.get());
    }
    if (execution.getStatus() == BatchStatus.STOPPED) {
      backups.ended(id, active.leaseToken(), Status.STOPPED, Optional.empty());
    } else if (execution.getStatus() != BatchStatus.COMPLETED) {
      Throwable failure =
          active.firstFailure().orElseGet(() -> Failures.root(execution.getAllFailureExceptions()));
      active.failed(failure);
      if (Continuations.isOfProcess(failure)) {
        // Not the backup's fault: a server goes on with it as after the death of a process. This
        // one may have slept past its lease, and woken before anybody has noticed that.
        continuations.afterDeath(id, active.leaseToken());
      }
      boolean ours =
          backups.ended(
              id, active.leaseToken(), Status.FAILED, Optional.of(Failures.text(failure)));
      if (ours && isFull(active.repository())) {
        giveRoomBack(id);
      }
    }
    events.publishEvent(new BackupEvent.Ended(queries.backup(id), Optional.of(active.ran())));
  }

  /** Half an image in a full repository would make the next VM's backup fail, too. */
  private void giveRoomBack(BackupId id) {
    log.warn("{}: the repository is full; what this backup wrote is deleted", id);
    leftovers.tryGiveUp(id);
  }

  private static boolean isFull(Repository repository) {
    try {
      return Files.getFileStore(repository.root()).getUsableSpace() < ROOM_BYTES_MIN;
    } catch (IOException e) {
      log.debug("{}: how full it is cannot be asked: {}", repository.root(), e.getMessage());
      return false;
    }
  }
}
