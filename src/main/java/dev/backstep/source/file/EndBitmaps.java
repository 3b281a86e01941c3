package dev.backstep.source.file;

import dev.backstep.qcow2.BitmapImage;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where {@link EndMark}s are taken from: for each size of disk an empty one with a bitmap that has
 * its last granule dirty. QEMU sets a bit only where a disk is written, and nobody's disk is
 * written for it. Closing deletes them.
 */
final class EndBitmaps implements AutoCloseable {

  /** What the bitmap is called in each of them. */
  static final String BITMAP = "end";

  private final Map<Long, Path> disks = new HashMap<>();

  private EndBitmaps() {}

  /**
   * @param sizes of disks in bytes, each more than 0; of one larger than QEMU keeps bitmaps for
   *     there is none, and QEMU says so when that disk is marked
   * @param folder for files that are gone when this is closed
   */
  static EndBitmaps make(Collection<Long> sizes, Path folder) throws SourceException {
    EndBitmaps all = new EndBitmaps();
    try {
      for (long size : Set.copyOf(sizes)) {
        if (size <= BitmapImage.sizeBytesMax(QemuImage.GRANULARITY)) {
          all.add(size, folder);
        }
      }
      return all;
    } catch (SourceException | RuntimeException e) {
      all.close();
      throw e;
    }
  }

  private void add(long size, Path folder) throws SourceException {
    byte[] image = BitmapImage.withDirtyEnd(size, BITMAP, QemuImage.GRANULARITY);
    try {
      Path disk = Files.createTempFile(folder, "end-", ".qcow2");
      disks.put(size, disk);
      Files.write(disk, image);
    } catch (IOException e) {
      throw new SourceException(SourceException.Kind.FAILED, folder + ": no file made: " + e, e);
    }
  }

  /** The one for disks of a size, if marks of such disks get an end. */
  Optional<Path> of(long size) {
    return Optional.ofNullable(disks.get(size));
  }

  @Override
  public void close() {
    disks.values().forEach(disk -> disk.toFile().delete());
  }
}
