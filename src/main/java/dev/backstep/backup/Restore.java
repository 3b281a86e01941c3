package dev.backstep.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
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

  /** Items kept in flight ahead of the output. */
  private static final int AHEAD = 8;

  private static final int BLOCKS = AHEAD + 8;

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
   * @throws FileAlreadyExistsException when a file to be written is there already; nothing is
   *     written then
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
    Files.createDirectories(folder);
    for (RestorePoint.Disk disk : disks) {
      Path file = file(folder, disk, target);
      if (Files.exists(file)) {
        throw new FileAlreadyExistsException(
            file.toString(), null, "is there already; name another folder or remove it");
      }
    }
    List<RestoredDisk> restored = new ArrayList<>();
    for (RestorePoint.Disk disk : disks) {
      restored.add(restore(vm, disk, file(folder, disk, target), target, progress));
    }
    return restored;
  }

  private static Path file(Path folder, RestorePoint.Disk disk, RestoreTarget target) {
    return folder.resolve("disk-" + disk.diskId() + "." + target.word());
  }

  private RestoredDisk restore(
      VmId vm, RestorePoint.Disk disk, Path file, RestoreTarget target, Progress progress)
      throws IOException {
    DiskFolder images = repository.disk(vm, disk.diskId());
    DiskBackupId top = new DiskBackupId(disk.diskBackupId());
    int chainLength = images.chain(top).size();
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try (Qcow2Reader chain = Qcow2Reader.open(images.image(top), BLOCKS)) {
      ClusterMap clusters = clusters(chain, disk.virtualSize());
      try (DiskOutput output = output(partial, disk.virtualSize(), target);
          ReadAhead ahead =
              new ReadAhead(chain, Optional.empty(), new BlockPlan(clusters, 0), AHEAD)) {
        long total = clusters.dataBytes();
        long done = 0;
        progress.disk(disk.diskId(), 0, total);
        Optional<Clusters> item = ahead.next();
        while (item.isPresent()) {
          done += item.get().span().length();
          output.put(item.get());
          progress.disk(disk.diskId(), Math.min(done, total), total);
          item = ahead.next();
        }
        output.finish();
        progress.disk(disk.diskId(), total, total);
        dev.backstep.blockio.DurableFiles.publish(partial, file);
        return new RestoredDisk(
            disk.diskId(), disk.diskKey(), file, disk.virtualSize(), total, chainLength);
      }
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  private static ClusterMap clusters(Qcow2Reader chain, long size) throws IOException {
    ClusterMap clusters = new ClusterMap(size);
    chain.allocated((offset, length, kind) -> {
      long inside = Math.min(length, size - offset);
      if (kind == ExtentKind.DATA && inside > 0) {
        clusters.extent(offset, inside, kind);
      }
    });
    return clusters;
  }

  private static DiskOutput output(Path partial, long size, RestoreTarget target)
      throws IOException {
    if (target == RestoreTarget.RAW) {
      return new RawOutput(partial, size);
    }
    Qcow2Spec spec =
        new Qcow2Spec(
            size,
            Optional.empty(),
            Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
            Compression.NONE,
            1);
    return new Qcow2Output(Qcow2Writer.create(partial, spec));
  }
}
