package dev.backstep.job.backup;

import dev.backstep.backup.DiskBackup;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Reason;
import dev.backstep.job.DiskProgress;
import dev.backstep.job.LiveProgress;
import java.util.List;
import java.util.Optional;
import org.springframework.stereotype.Component;

/** Asks the copies of this process, else the catalog. Thread-safe. */
@Component
class RunningProgress implements LiveProgress {

  private final ActiveBackups actives;

  RunningProgress(ActiveBackups actives) {
    this.actives = actives;
  }

  @Override
  public List<DiskProgress> of(BackupRow backup) {
    Optional<ActiveBackup> active = actives.find(backup.id());
    return backup.disks().stream()
        .map(disk -> of(disk, active.flatMap(own -> own.copy(disk.diskId()))))
        .toList();
  }

  /**
   * @param copy the one that this process has begun
   */
  static DiskProgress of(BackupDiskRow disk, Optional<DiskBackup> copy) {
    long total = disk.bytesTotal();
    long done =
        switch (disk.status()) {
          case COMPLETED, DELETED -> total;
          // What is read twice after a relaunch counts twice there.
          default -> copy.map(DiskBackup::progressBytes).orElse(Math.min(disk.bytesRead(), total));
        };
    return new DiskProgress(
        disk.diskId(),
        disk.diskKey().value(),
        disk.status(),
        disk.reason().map(Reason::level).orElse(null),
        disk.reason().orElse(null),
        done,
        total);
  }
}
