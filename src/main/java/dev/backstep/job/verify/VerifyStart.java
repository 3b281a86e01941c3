package dev.backstep.job.verify;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Verifications;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.VerifyJobs;
import java.util.List;
import java.util.Optional;
import org.springframework.stereotype.Component;

/** Begins verifications of what can be verified. */
@Component
class VerifyStart implements VerifyJobs {

  private final TaskJobs tasks;
  private final Verifications verifications;
  private final BackupQueries backups;
  private final ProcessLease lease;

  VerifyStart(
      TaskJobs tasks, Verifications verifications, BackupQueries backups, ProcessLease lease) {
    this.tasks = tasks;
    this.verifications = verifications;
    this.backups = backups;
    this.lease = lease;
  }

  @Override
  public TaskRun verify(Optional<BackupId> backup, boolean whole) {
    if (backup.isPresent()) {
      requireRestorePoint(backup.get());
    }
    return tasks.launch(verifications.begin(backup, whole, lease.token()));
  }

  @Override
  public TaskRun verify(String subject, List<DiskBackupId> images) {
    return tasks.launch(verifications.begin(subject, images, lease.token()));
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
}
