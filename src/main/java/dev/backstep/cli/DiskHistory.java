package dev.backstep.cli;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Level;
import dev.backstep.domain.Status;
import dev.backstep.repository.DiskFolder;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A line per disk backup, oldest first: how each disk's chain came to be. */
final class DiskHistory {

  private record DiskName(String repository, String vm, int disk) {}

  private DiskHistory() {}

  /**
   * @param newestFirst backups as queries give them
   */
  static String table(List<BackupRow> newestFirst) {
    Table table =
        new Table(
            "BACKUP",
            "DISK",
            "STATUS",
            "LEVEL",
            "REASON",
            "READ",
            "STORED",
            "SAVING",
            "CHANGE ID BEFORE -> AFTER",
            "IMAGE <- BACKING FILE");
    Map<DiskName, Long> fulls = new HashMap<>();
    for (BackupRow backup : newestFirst.reversed()) {
      for (BackupDiskRow disk : backup.disks()) {
        DiskName name = new DiskName(backup.repositoryId().value(), backup.vmName(), disk.diskId());
        table.add(
            backup.id().value(),
            disk.diskId() + " " + disk.diskKey(),
            disk.status().name(),
            disk.level().map(Level::word).orElse(""),
            disk.reason().map(Enum::name).orElse(""),
            Sizes.bytes(disk.bytesRead()),
            Sizes.bytes(disk.bytesStored()),
            saving(disk, fulls.get(name)),
            mark(disk.previousChangeId()) + " -> " + mark(disk.changeId()),
            images(disk));
        if (disk.status() == Status.COMPLETED && disk.level().equals(Optional.of(Level.FULL))) {
          fulls.put(name, disk.bytesStored());
        }
      }
    }
    return table.toString();
  }

  /** Less than the disk's last full backup stored. */
  private static String saving(BackupDiskRow disk, @Nullable Long full) {
    boolean incremental = disk.level().equals(Optional.of(Level.INCREMENTAL));
    if (!incremental || full == null || full == 0) {
      return "-";
    }
    return String.format(Locale.ROOT, "%.1f%%", 100 - 100.0 * disk.bytesStored() / full);
  }

  /** A mark of ours is told by its backup and its random end; the whole text is in `show`. */
  private static String mark(Optional<ChangeId> changeId) {
    return changeId
        .map(ChangeId::value)
        .map(text -> text.length() <= 20 ? text : "…" + text.substring(text.length() - 12))
        .orElse("none");
  }

  private static String images(BackupDiskRow disk) {
    String image = DiskFolder.imageName(disk.id());
    return disk.baseId().map(base -> image + " <- " + DiskFolder.imageName(base)).orElse(image);
  }
}
