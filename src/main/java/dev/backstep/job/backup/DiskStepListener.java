package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Backups;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.Failures;
import dev.backstep.job.LogFields;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.ExitStatus;
import org.springframework.batch.core.listener.StepExecutionListener;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Records in the catalog how a disk's partition ended when it was not completed. */
@Component
class DiskStepListener implements StepExecutionListener {

  private final Backups backups;
  private final BackupQueries queries;
  private final ActiveBackups actives;
  private final ApplicationEventPublisher events;

  DiskStepListener(
      Backups backups,
      BackupQueries queries,
      ActiveBackups actives,
      ApplicationEventPublisher events) {
    this.backups = backups;
    this.queries = queries;
    this.actives = actives;
    this.events = events;
  }

  @Override
  public void beforeStep(StepExecution step) {
    LogFields.keepDisk(DiskPartitioner.diskId(step.getStepName()));
  }

  @Override
  public ExitStatus afterStep(StepExecution step) {
    BackupId backup = BackupParameters.backup(step);
    int diskId = DiskPartitioner.diskId(step.getStepName());
    if (step.getStatus() != BatchStatus.COMPLETED) {
      ActiveBackup active = actives.get(backup);
      DiskBackupId disk = queries.disk(backup, diskId).id();
      if (step.getStatus() == BatchStatus.STOPPED) {
        backups.stopDisk(disk, active.leaseToken());
      } else {
        Throwable failure = Failures.root(step.getFailureExceptions());
        active.failed(failure);
        backups.failDisk(disk, active.leaseToken(), Failures.text(failure));
      }
    }
    events.publishEvent(new BackupEvent.DiskEnded(queries.disk(backup, diskId)));
    return step.getExitStatus();
  }
}
