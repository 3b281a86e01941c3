package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import java.time.Instant;
import java.util.Optional;

/**
 * A completed disk backup that is taken over from a repository's files. Sizes in bytes.
 *
 * @param image the file's name
 * @param bytesData guest bytes stored in the image
 * @param bytesStored length of the image's file
 * @param checksumKind of its checksums; empty where there are none
 */
public record ImportedImage(
    DiskBackupId id,
    BackupId backup,
    int diskId,
    DiskKey diskKey,
    Level level,
    Reason reason,
    String cause,
    Optional<ChangeId> changeId,
    Optional<ChangeId> previousChangeId,
    Optional<DiskBackupId> base,
    int chainLength,
    long virtualSize,
    long bytesData,
    long bytesStored,
    String image,
    Instant snapshotTakenAt,
    Instant completedAt,
    Optional<String> checksumKind) {}
