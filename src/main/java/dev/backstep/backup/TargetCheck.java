package dev.backstep.backup;

import dev.backstep.blockio.RawFile;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdUri;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Whether a target can take a disk. */
public final class TargetCheck {

  private static final byte[] QCOW2_MAGIC = {'Q', 'F', 'I', (byte) 0xfb};

  private TargetCheck() {}

  /**
   * @param repository where the disk comes from; nothing is ever restored into it
   * @throws TargetException when the target cannot take the disk
   * @throws IOException when it cannot be looked at
   */
  public static void check(DiskTarget target, Path repository, long sizeBytes) throws IOException {
    boolean path = target.kind() != DiskTarget.Kind.NBD;
    if (path && Path.of(target.place()).startsWith(repository.toAbsolutePath().normalize())) {
      throw new TargetException(
          target.place() + " lies in the repository " + repository + "; name another place");
    }
    check(target, sizeBytes);
  }

  static void check(DiskTarget target, long sizeBytes) throws IOException {
    switch (target.kind()) {
      case RAW, QCOW2 -> made(Path.of(target.place()));
      case EXISTING -> existing(Path.of(target.place()), sizeBytes);
      case NBD -> export(target.place(), sizeBytes);
    }
  }

  private static void made(Path file) throws IOException {
    if (Files.exists(file)) {
      throw new TargetException(file + ": is there already; name another folder or remove it");
    }
    Path folder = file.getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
  }

  private static void existing(Path path, long sizeBytes) throws IOException {
    if (!Files.exists(path) || Files.isDirectory(path)) {
      throw new TargetException(
          path + ": no file or block device that could be written over; --to DIR makes new files");
    }
    if (RawFile.beginsWith(path, QCOW2_MAGIC)) {
      throw new TargetException(
          path + ": is a QCOW2 image; only raw files and block devices are written over");
    }
    long size = RawFile.sizeBytes(path);
    boolean regular = Files.isRegularFile(path);
    if (regular && size > sizeBytes) {
      throw new TargetException(
          path + " has " + size + " bytes, the disk " + sizeBytes + ": is it another disk's?");
    }
    if (!regular && size < sizeBytes) {
      throw new TargetException(
          path + " has " + size + " bytes, too few for the disk's " + sizeBytes);
    }
  }

  private static void export(String place, long sizeBytes) throws IOException {
    NbdUri uri;
    try {
      uri = NbdUri.parse(place);
    } catch (IllegalArgumentException e) {
      throw new TargetException(String.valueOf(e.getMessage()));
    }
    try (NbdConnection connection =
        NbdConnection.open(uri, List.of(), NbdConnection.STALL_DEFAULT)) {
      if (connection.export().readOnly()) {
        throw new TargetException(uri + ": the export is read-only");
      }
      if (connection.export().sizeBytes() < sizeBytes) {
        throw new TargetException(
            uri
                + " has "
                + connection.export().sizeBytes()
                + " bytes, too few for the disk's "
                + sizeBytes);
      }
    }
  }
}
