package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Backups;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.job.Failures;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.ExitStatus;
import org.springframework.batch.core.listener.StepExecutionListener;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.stereotype.Component;

/** Records in the catalog how a disk's partition ended when it was not completed. */
@Component
class DiskStepListener implements StepExecutionListener {

  private final Backups backups;
  private final BackupQueries queries;
  private final ActiveBackups actives;

  DiskStepListener(Backups backups, BackupQueries queries, ActiveBackups actives) {
    this.backups = backups;
    this.queries = queries;
    this.actives = actives;
  }

  @Override
  public ExitStatus afterStep(StepExecution step) {
    if (step.getStatus() != BatchStatus.COMPLETED) {
      BackupId backup = BackupParameters.backup(step);
      ActiveBackup active = actives.get(backup);
      int diskId = DiskPartitioner.diskId(step.getStepName());
      DiskBackupId disk = queries.disk(backup, diskId).id();
      if (step.getStatus() == BatchStatus.STOPPED) {
        backups.stopDisk(disk, active.leaseToken());
      } else {
        Throwable failure = Failures.root(step.getFailureExceptions());
        active.failed(failure);
        backups.failDisk(disk, active.leaseToken(), Failures.text(failure));
      }
    }
    return step.getExitStatus();
  }
}
