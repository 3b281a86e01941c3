package dev.backstep.domain;

import java.time.Instant;
import java.util.Optional;

/**
 * The newest completed disk backup of a disk in a repository: the image that the next overlay
 * stands on and the change id that belongs to it, found in one lookup.
 *
 * @param changeId empty when the source tracked nothing then
 * @param sizeBytes the disk's size then
 * @param chainLength images in its chain, itself included, at least 1
 * @param auditPosition byte at which the next audit of its change tracking goes on, cluster aligned
 * @param takenAt when the snapshot behind it was taken
 * @param damaged whether a check found the image, or one that it needs, damaged
 */
public record Baseline(
    DiskBackupId image,
    Optional<ChangeId> changeId,
    long sizeBytes,
    int chainLength,
    long auditPosition,
    Instant takenAt,
    boolean damaged) {}
