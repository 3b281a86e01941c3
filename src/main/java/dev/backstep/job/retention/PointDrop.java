package dev.backstep.job.retention;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PrunePlanner;
import dev.backstep.job.RestorePointRemoval;
import java.time.Instant;
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
  private final PrunePlanner planner;

  PointDrop(Tasks tasks, RestorePointRemoval removal, BackupQueries backups, PrunePlanner planner) {
    this.tasks = tasks;
    this.removal = removal;
    this.backups = backups;
    this.planner = planner;
  }

  /**
   * What was pinned, or stood on, since the plan was made stays, and so does what has become the
   * newest proven one of its VM because those behind it were found damaged.
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
      removal.delete(id, this::requireOthers);
    } catch (OperatorException e) {
      if (e.kind() != OperatorException.Kind.CONFLICT) {
        throw e;
      }
      log.info("{}: {} stays: {}", task.id(), id, e.getMessage());
      return 0;
    }
    return row.get().disks().stream().mapToLong(BackupDiskRow::bytesStored).sum();
  }

  private void requireOthers(BackupRow row) {
    if (planner.alwaysKept(row.repositoryId(), row.vmId(), Instant.now()).contains(row.id())) {
      throw OperatorException.conflict(
          row.id() + " is by now the newest restore point of its VM, or the newest proven one",
          null);
    }
  }

  /** As {@link #drop}, and counts it as the task's progress. */
  void dropAndCount(TaskRow task, String id) {
    long bytes = drop(task, id);
    tasks.progress(task.id(), task.bytesDone() + bytes, task.bytesTotal());
  }
}
