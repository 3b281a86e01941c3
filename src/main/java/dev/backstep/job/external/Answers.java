package dev.backstep.job.external;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.MoverState;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.ExternalBackup;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import java.nio.file.Path;
import org.springframework.stereotype.Component;

/** What a mover is told of its backup. Thread-safe. */
@Component
class Answers {

  private final BackupQueries queries;
  private final MovedBackups moved;
  private final Exports exports;

  Answers(BackupQueries queries, MovedBackups moved, Exports exports) {
    this.queries = queries;
    this.moved = moved;
    this.exports = exports;
  }

  ExternalBackup of(BackupId id) {
    BackupRow row = queries.backup(id);
    MoverState state = moved.state(id);
    return new ExternalBackup(
        row.id(),
        row.status(),
        state.deadline(),
        row.disks().stream().map(disk -> disk(row, disk, state)).toList());
  }

  private ExternalBackup.Disk disk(BackupRow row, BackupDiskRow disk, MoverState state) {
    DiskFolder folder =
        Repository.diskFolder(Path.of(row.repositoryPath()), row.vmId(), disk.diskId());
    return new ExternalBackup.Disk(
        disk.id(),
        disk.diskId(),
        disk.diskKey(),
        disk.status(),
        disk.reason(),
        disk.previousChangeId(),
        disk.changeId(),
        disk.virtualSize(),
        disk.status() == Status.COMPLETED ? folder.image(disk.id()) : folder.partial(disk.id()),
        disk.baseId().map(folder::image),
        exports.uri(disk.id()),
        state.disks().getOrDefault(disk.id(), new MoverState.Export(false, 0)).breaks());
  }
}
