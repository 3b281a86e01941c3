package dev.backstep.source.libvirt;

import dev.backstep.source.SourceException;
import dev.backstep.source.file.FileDisks;
import java.nio.file.Path;
import java.util.Optional;

/** Disks of which libvirt makes no checkpoint. */
final class Untracked {

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
      return Optional.of(
          disk.key()
              + " is a version 2 image without bitmaps; with the VM off, `qemu-img amend -o"
              + " compat=1.1 "
              + disk.location()
              + "` enables tracking");
    }
    return Optional.empty();
  }

  private static boolean isVersion2(String location) {
    try {
      return !FileDisks.keepsBitmaps(Path.of(location));
    } catch (SourceException e) {
      return false; // what cannot be looked at libvirt will judge
    }
  }
}
