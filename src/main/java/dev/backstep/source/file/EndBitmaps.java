package dev.backstep.source.file;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where {@link EndMark}s are taken from: for each size of disk an empty one with a bitmap that has
 * its last granule dirty. Only writing sets a bit, and nobody's disk is written for it. Closing
 * deletes them.
 */
final class EndBitmaps implements AutoCloseable {

  /** What the bitmap is called in each of them. */
  static final String BITMAP = "end";

  private static final int SECTOR_BYTES = 512;

  private final Map<Long, Path> disks = new ConcurrentHashMap<>();

  private EndBitmaps() {}

  /**
   * @param sizes of disks in bytes, each more than 0
   * @param folder for files that are gone when this is closed
   */
  static EndBitmaps make(Collection<Long> sizes, Path folder) throws SourceException {
    Set<Long> each = new TreeSet<>(sizes);
    EndBitmaps all = new EndBitmaps();
    try {
      Together.each(each, size -> all.add(size, folder));
      return all;
    } catch (SourceException | RuntimeException e) {
      all.close();
      throw e;
    }
  }

  private Path add(long size, Path folder) throws SourceException {
    Path disk = scratch(folder);
    disks.put(size, disk);
    QemuImage.qemuImg(disk, "create -q -f qcow2", QemuImage.plain(disk), String.valueOf(size));
    QemuImage.addBitmap(disk, BITMAP);
    QemuImage.writeZeros(disk, size - SECTOR_BYTES, SECTOR_BYTES);
    return disk;
  }

  private static Path scratch(Path folder) throws SourceException {
    try {
      return Files.createTempFile(folder, "end-", ".qcow2");
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
