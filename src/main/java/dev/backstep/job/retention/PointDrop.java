package dev.backstep.job.retention;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestorePointRemoval;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/** Deletes one restore point of a task's, unless it has to stay. */
@Component
class PointDrop {

  private static final Logger log = LoggerFactory.getLogger(PointDrop.class);

  private final Tasks tasks;
  private final RestorePointRemoval removal;
  private final BackupQueries backups;

  PointDrop(Tasks tasks, RestorePointRemoval removal, BackupQueries backups) {
    this.tasks = tasks;
    this.removal = removal;
    this.backups = backups;
  }

  /**
   * What was pinned, or stood on, since the plan was made stays.
   *
   * @return the length of the files that went
   * @throws OperatorException BUSY or FAILED, as {@link RestorePointRemoval#delete}
   */
  long drop(TaskRow task, String id) {
    Optional<BackupRow> row = backups.find(id);
    if (row.isEmpty() || row.get().status() == Status.DELETED) {
      return 0;
    }
    try {
      removal.delete(id);
    } catch (OperatorException e) {
      if (e.kind() != OperatorException.Kind.CONFLICT) {
        throw e;
      }
      log.info("{}: {} stays: {}", task.id(), id, e.getMessage());
      return 0;
    }
    return row.get().disks().stream().mapToLong(BackupDiskRow::bytesStored).sum();
  }

  /** As {@link #drop}, and counts it as the task's progress. */
  void dropAndCount(TaskRow task, String id) {
    long bytes = drop(task, id);
    tasks.progress(task.id(), task.bytesDone() + bytes, task.bytesTotal());
  }
}
