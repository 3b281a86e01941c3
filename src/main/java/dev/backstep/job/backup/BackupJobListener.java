package dev.backstep.job.backup;

import dev.backstep.catalog.Backups;
import dev.backstep.catalog.FencedException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.Failures;
import java.util.Optional;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.listener.JobExecutionListener;
import org.springframework.stereotype.Component;

/** Binds a job execution to its backup, and records how it ended. */
@Component
class BackupJobListener implements JobExecutionListener {

  private final ActiveBackups actives;
  private final Backups backups;

  BackupJobListener(ActiveBackups actives, Backups backups) {
    this.actives = actives;
    this.backups = backups;
  }

  @Override
  public void beforeJob(JobExecution execution) {
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
    active.closeSnapshot();
    if (execution.getStatus() == BatchStatus.STOPPED) {
      backups.ended(id, active.leaseToken(), Status.STOPPED, Optional.empty());
    } else if (execution.getStatus() != BatchStatus.COMPLETED) {
      Throwable failure =
          active.firstFailure().orElseGet(() -> Failures.root(execution.getAllFailureExceptions()));
      active.failed(failure);
      backups.ended(id, active.leaseToken(), Status.FAILED, Optional.of(Failures.text(failure)));
    }
  }
}
