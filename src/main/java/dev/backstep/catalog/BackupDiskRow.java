package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A disk backup as the catalog knows it. Sizes in bytes.
 *
 * @param level empty until planned, as is the reason
 * @param cause one sentence behind the reason, may be empty
 * @param changeId only ever present when COMPLETED
 * @param previousChangeId the disk's change id when it was planned
 * @param baseId the image that this one stands on
 * @param chainLength images in its chain, itself included; 0 until planned
 * @param bytesTotal to be read, as planned
 * @param bytesAudited of what tracking called unchanged, compared with the chain
 * @param bytesDiffering of those, what was not unchanged
 * @param image the file, present when COMPLETED
 * @param checksumKind of the image's checksums; empty until COMPLETED and where there are none
 * @param lineageNo counts the completed images of a disk in a repository from 1; present when
 *     COMPLETED
 * @param ledger what it has been through; empty unless it was asked for
 */
public record BackupDiskRow(
    DiskBackupId id,
    BackupId backupId,
    int diskId,
    DiskKey diskKey,
    Status status,
    Optional<Level> level,
    Optional<Reason> reason,
    String cause,
    Optional<ChangeId> changeId,
    Optional<ChangeId> previousChangeId,
    Optional<DiskBackupId> baseId,
    int chainLength,
    long virtualSize,
    long bytesTotal,
    long bytesRead,
    long bytesTransferred,
    long bytesStored,
    long bytesAudited,
    long bytesDiffering,
    Optional<String> image,
    Optional<String> checksumKind,
    OptionalLong lineageNo,
    boolean damaged,
    Optional<Instant> startedAt,
    Optional<Instant> completedAt,
    Optional<String> error,
    Ledger ledger) {

  /** The same with a ledger, as {@link Ledgers} puts it there. */
  public BackupDiskRow with(Ledger other) {
    return new BackupDiskRow(
        id,
        backupId,
        diskId,
        diskKey,
        status,
        level,
        reason,
        cause,
        changeId,
        previousChangeId,
        baseId,
        chainLength,
        virtualSize,
        bytesTotal,
        bytesRead,
        bytesTransferred,
        bytesStored,
        bytesAudited,
        bytesDiffering,
        image,
        checksumKind,
        lineageNo,
        damaged,
        startedAt,
        completedAt,
        error,
        other);
  }
}
