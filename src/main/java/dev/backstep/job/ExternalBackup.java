package dev.backstep.job;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What the mover of a backup needs to know.
 *
 * @param silentUntil by when the mover must call again; without meaning once the backup has ended
 * @param disks by disk id
 */
public record ExternalBackup(BackupId id, Status status, Instant silentUntil, List<Disk> disks) {

  public ExternalBackup {
    disks = List.copyOf(disks);
  }

  /**
   * One disk.
   *
   * @param reason says the level, too: an incremental's image holds only what changed since {@code
   *     previousChangeId}
   * @param previousChangeId the disk's last change id, whatever the level
   * @param sizeBytes the disk's size
   * @param image where the mover's bytes go, absolute; it gets another name when completed
   * @param backingImage what the image stands on, absolute
   * @param export NBD URI of the image; empty when none is open
   * @param interruptions how often the export broke off: bytes that the mover had not flushed by
   *     then may be lost. A mover that has written them again says this number with its completion
   */
  public record Disk(
      DiskBackupId id,
      int diskId,
      DiskKey key,
      Status status,
      Optional<Reason> reason,
      Optional<ChangeId> previousChangeId,
      Optional<ChangeId> changeId,
      long sizeBytes,
      Path image,
      Optional<Path> backingImage,
      Optional<String> export,
      int interruptions) {}
}
