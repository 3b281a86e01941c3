package dev.backstep.source.file;

import dev.backstep.blockio.DiskInUseException;
import dev.backstep.blockio.DiskLock;
import dev.backstep.blockio.RawFile;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A disk's file as it was found.
 *
 * @param image what qemu-img says of it; empty for raw files and block devices
 * @param sizeBytes the disk's exact size
 */
record ImageFile(DiskKey key, Path path, Optional<QemuImage> image, long sizeBytes) {

  private static final String FORMAT = "format";
  private static final String RAW = "raw";
  private static final String QCOW2 = "qcow2";

  /**
   * Looks at a disk without changing it.
   *
   * @throws SourceException when it is missing, not readable, or being written by another program
   */
  static ImageFile inspect(DiskDefinition disk) throws SourceException {
    return BriefLock.outlast(() -> inspectNow(disk));
  }

  private static ImageFile inspectNow(DiskDefinition disk) throws SourceException {
    Path path = requireThere(disk);
    try (DiskLock lock = DiskLock.shared(path)) {
      if (isRaw(disk, path)) {
        return new ImageFile(disk.key(), lock.path(), Optional.empty(), RawFile.sizeBytes(path));
      }
    } catch (DiskInUseException e) {
      throw new SourceException(
          SourceException.Kind.LOCKED, "disk " + disk.key() + ": " + e.getMessage(), e);
    } catch (AccessDeniedException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "disk " + disk.key() + ": " + path + ": permission denied; run as its owner or as root",
          e);
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, "disk " + disk.key() + ": " + e.getMessage(), e);
    }
    QemuImage image = QemuImage.read(path);
    return new ImageFile(disk.key(), path, Optional.of(image), image.virtualSize());
  }

  /**
   * The disk's size as it is now, also while another program writes to it.
   *
   * @throws SourceException when it is missing or not readable
   */
  static long sizeBytes(DiskDefinition disk) throws SourceException {
    Path path = requireThere(disk);
    try {
      return isRaw(disk, path) ? RawFile.sizeBytes(path) : QemuImage.readInUse(path).virtualSize();
    } catch (SourceException e) {
      throw e;
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, "disk " + disk.key() + ": " + e.getMessage(), e);
    }
  }

  private static Path requireThere(DiskDefinition disk) throws SourceException {
    Path path = Path.of(disk.location());
    if (!Files.exists(path)) {
      throw new SourceException(
          SourceException.Kind.NOT_FOUND,
          "disk " + disk.key() + ": " + path + ": there is no such file or device");
    }
    return path;
  }

  /** What the definition says; where it says nothing, a file that begins as a qcow2 file is one. */
  private static boolean isRaw(DiskDefinition disk, Path path) throws IOException {
    String format = disk.settings().get(FORMAT);
    boolean magic = RawFile.beginsWith(path, new byte[] {'Q', 'F', 'I', (byte) 0xfb});
    if (format == null) {
      return !magic;
    }
    if (format.equals(QCOW2) && !magic) {
      throw new IOException(path + ": no QCOW2 magic, but the job definition says format: qcow2");
    }
    return format.equals(RAW);
  }

  /** Whether it can keep a bitmap; QEMU stores none for a disk without bytes. */
  boolean canBeMarked() {
    return image.isPresent() && !image.get().version2() && sizeBytes > 0;
  }

  QemuImage qcow2() {
    return image.orElseThrow();
  }

  /** What identifies it for {@link #requireUnwritten}. */
  DiskHandle handle(String mark) throws SourceException {
    try {
      boolean marked = canBeMarked();
      FileIdentity identity = !marked && Files.isRegularFile(path) ? FileIdentity.of(path) : null;
      return new DiskHandle(
          key.value(), path.toString(), sizeBytes, marked ? mark : null, identity);
    } catch (IOException e) {
      throw new SourceException(SourceException.Kind.FAILED, path + ": " + e, e);
    }
  }

  /**
   * Checks what can be seen without reading the disk; the bitmap's emptiness is checked when it is
   * exported.
   *
   * @param withEnd whether its mark has an end beside it
   * @throws SnapshotGoneException when the disk was written since, or nothing shows that it was not
   */
  void requireUnwritten(DiskHandle then, boolean withEnd)
      throws SnapshotGoneException, SourceException {
    if (then.size() != sizeBytes) {
      throw new SnapshotGoneException(
          path + " had " + then.size() + " bytes at the snapshot and has " + sizeBytes + " now");
    }
    if (then.mark() != null) {
      requireMark(then.mark(), withEnd);
    } else if (then.file() == null) {
      throw new SnapshotGoneException(
          path + " is a device; nothing shows that it was not written since the snapshot");
    } else if (!then.file().equals(handle("").file())) {
      throw new SnapshotGoneException(path + " was written since the snapshot");
    }
  }

  private void requireMark(String mark, boolean withEnd) throws SnapshotGoneException {
    Optional<QemuImage.Bitmap> bitmap = image.flatMap(info -> info.bitmap(mark));
    boolean trusted =
        bitmap.filter(QemuImage.Bitmap::isTrusted).isPresent()
            && (!withEnd || EndMark.beside(new ChangeId(mark), qcow2()).isPresent());
    if (!trusted) {
      throw new SnapshotGoneException(
          path
              + ": the snapshot's bitmap "
              + mark
              + (bitmap.isEmpty() ? " is gone" : " was not closed cleanly or switched off"));
    }
  }
}
