package dev.backstep.backup;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Gives the disks of a restore point back as files, {@code disk-<n>.<format>}. A file appears under
 * its name only when it is complete and forced; what failed leaves nothing behind. Stateless,
 * thread-safe.
 */
public final class Restore {

  private final Repository repository;

  public Restore(Repository repository) {
    this.repository = repository;
  }

  /** Hears how far a disk is. */
  @FunctionalInterface
  public interface Progress {
    /**
     * @param bytesDone data bytes written of {@code bytesTotal}
     */
    void disk(int diskId, long bytesDone, long bytesTotal);
  }

  /**
   * One restored disk.
   *
   * @param sizeBytes the disk's exact size
   * @param dataBytes bytes that were written; the rest reads as zeros
   */
  public record RestoredDisk(
      int diskId, String diskKey, Path file, long sizeBytes, long dataBytes, int chainLength) {}

  /**
   * Restores disks one after the other.
   *
   * @param only one disk's number; empty for all
   * @param folder made when absent
   * @throws TargetException when a file to be written is there already; nothing is written then
   * @throws IllegalArgumentException when the restore point has no disk of that number
   */
  public List<RestoredDisk> run(
      VmId vm,
      RestorePoint point,
      Optional<Integer> only,
      Path folder,
      RestoreTarget target,
      Progress progress)
      throws IOException {
    List<RestorePoint.Disk> disks =
        point.disks().stream()
            .filter(disk -> only.isEmpty() || only.get() == disk.diskId())
            .toList();
    if (disks.isEmpty()) {
      throw new IllegalArgumentException(
          point.backupId()
              + " has no disk "
              + only.orElseThrow()
              + "; it has "
              + point.disks().stream().map(disk -> disk.diskId() + "").toList());
    }
    for (RestorePoint.Disk disk : disks) {
      TargetCheck.check(DiskTarget.file(folder, disk.diskId(), target), disk.virtualSize());
    }
    List<RestoredDisk> restored = new ArrayList<>();
    for (RestorePoint.Disk disk : disks) {
      restored.add(restore(vm, disk, DiskTarget.file(folder, disk.diskId(), target), progress));
    }
    return restored;
  }

  private RestoredDisk restore(
      VmId vm, RestorePoint.Disk disk, DiskTarget target, Progress progress) throws IOException {
    DiskFolder images = repository.disk(vm, disk.diskId());
    DiskBackupId top = new DiskBackupId(disk.diskBackupId());
    int chainLength = images.chain(top).size();
    DiskRestore.Request request =
        new DiskRestore.Request(
            images.image(top), disk.virtualSize(), target, RestoreScope.ALL, Optional.empty());
    try (DiskRestore restore = DiskRestore.open(request, Optional.empty(), false)) {
      long total = restore.bytesTotal();
      progress.disk(disk.diskId(), 0, total);
      Optional<Integer> item = restore.next();
      while (item.isPresent()) {
        restore.put(item.get());
        progress.disk(disk.diskId(), restore.bytesDone(), total);
        item = restore.next();
      }
      restore.finish();
      progress.disk(disk.diskId(), total, total);
      return new RestoredDisk(
          disk.diskId(),
          disk.diskKey(),
          Path.of(target.place()),
          disk.virtualSize(),
          total,
          chainLength);
    } finally {
      Files.deleteIfExists(target.partial());
    }
  }
}
