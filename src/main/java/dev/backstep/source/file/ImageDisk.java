package dev.backstep.source.file;

import dev.backstep.domain.ChangeId;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.util.Optional;

/** An opened disk: held so that nobody writes it, until it is closed. */
sealed interface ImageDisk extends SourceDisk permits RawDisk, Qcow2Disk {

  /**
   * @param mark the bitmap of this snapshot; without meaning for a disk that cannot be marked
   * @param since the change id that will be asked for
   */
  static ImageDisk open(
      ImageFile file, ChangeId mark, Optional<ChangeId> since, Marking marking, Path runFolder)
      throws SourceException {
    try {
      return reopen(file, mark, since, marking, runFolder);
    } catch (SnapshotGoneException e) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          "disk " + file.key() + ": " + e.getMessage() + "; is a VM starting? Try again",
          e);
    }
  }

  /** As {@link #open}, of a snapshot that was made earlier. */
  static ImageDisk reopen(
      ImageFile file, ChangeId mark, Optional<ChangeId> since, Marking marking, Path runFolder)
      throws SourceException, SnapshotGoneException {
    return file.image().isPresent()
        ? Qcow2Disk.open(file, mark, since, marking, runFolder)
        : RawDisk.open(file);
  }

  /** What the disk is found again by. */
  DiskHandle handle() throws SourceException;

  void close();
}
