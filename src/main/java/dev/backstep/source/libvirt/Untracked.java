package dev.backstep.source.libvirt;

import dev.backstep.source.SourceException;
import dev.backstep.source.file.FileDisks;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Disks of which libvirt makes no checkpoint. */
final class Untracked {

  private static final Pattern NODE = Pattern.compile("'libvirt-(\\d+)-format'");

  private Untracked() {}

  /** Why a disk can have no bitmap, with what would change that; empty when it can. */
  static Optional<String> cause(Domain.Disk disk) {
    if (!disk.isQcow2()) {
      return Optional.of(
          disk.key()
              + " is "
              + disk.format()
              + ", which tracks no changes; `qemu-img convert -O qcow2` makes a disk that does");
    }
    if (!disk.lasting()) {
      return Optional.of(disk.key() + " is read-only or transient, so libvirt tracks no changes");
    }
    if (disk.isFile() && isVersion2(disk.location())) {
      return Optional.of(version2(disk));
    }
    return Optional.empty();
  }

  /** As {@link #cause}, of an image of version 2. */
  static String version2(Domain.Disk disk) {
    return disk.key()
        + " is a version 2 image without bitmaps; with the VM off, `qemu-img amend -o compat=1.1 "
        + (disk.isFile() ? disk.location() : "FILE")
        + "` enables tracking";
  }

  /**
   * The disk of which QEMU says that it is an image of version 2, where no file of its own could be
   * looked at, as for a volume of a pool.
   */
  static Optional<Domain.Disk> refused(ControlException refusal, Domain domain) {
    String said = String.valueOf(refusal.getMessage());
    Matcher node = NODE.matcher(said);
    return said.contains("in qcow2 v2 files") && node.find()
        ? domain.disks().stream().filter(disk -> disk.index().equals(node.group(1))).findFirst()
        : Optional.empty();
  }

  private static boolean isVersion2(String location) {
    try {
      return !FileDisks.keepsBitmaps(Path.of(location));
    } catch (SourceException e) {
      return false; // what cannot be looked at libvirt will judge
    }
  }
}
