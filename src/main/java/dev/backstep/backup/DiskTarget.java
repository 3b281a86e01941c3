package dev.backstep.backup;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Where a disk is restored to.
 *
 * @param place a path; with {@link Kind#NBD} a URI
 */
public record DiskTarget(Kind kind, String place) {

  /** What a target is. */
  public enum Kind {
    /** A raw file that is made, sparse where the disk is empty. */
    RAW,
    /** A standalone QCOW2 image that is made. */
    QCOW2,
    /** A raw file or a block device that is there and is written over. */
    EXISTING,
    /** An export of an NBD server, which is written over. */
    NBD;

    /** Its name in answers. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What is named without saying what it is: an NBD URI, or what lies at a path. */
  public static DiskTarget onto(String place) {
    return place.startsWith("nbd:") || place.startsWith("nbd+")
        ? new DiskTarget(Kind.NBD, place)
        : new DiskTarget(Kind.EXISTING, Path.of(place).toAbsolutePath().normalize().toString());
  }

  /** A file that is made in a folder. */
  public static DiskTarget file(Path folder, int diskId, RestoreTarget format) {
    return new DiskTarget(
        format == RestoreTarget.RAW ? Kind.RAW : Kind.QCOW2,
        folder.resolve("disk-" + diskId + "." + format.word()).toString());
  }

  /** Whether it is made by the restore, so that all of it is empty before. */
  public boolean isMade() {
    return kind == Kind.RAW || kind == Kind.QCOW2;
  }

  /** The format of a file that is made. */
  public Optional<RestoreTarget> format() {
    return switch (kind) {
      case RAW -> Optional.of(RestoreTarget.RAW);
      case QCOW2 -> Optional.of(RestoreTarget.QCOW2);
      case EXISTING, NBD -> Optional.empty();
    };
  }

  /** Under what name a file lies until it is complete. */
  Path partial() {
    Path path = Path.of(place);
    return path.resolveSibling(path.getFileName() + ".partial");
  }
}
