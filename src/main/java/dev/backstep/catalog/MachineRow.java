package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A VM that the catalog knows.
 *
 * @param disks all it ever had, by number
 * @param restorePointAt the moment that its newest restore point shows; empty when it has none
 * @param lastBackup its newest backup, whatever its status
 */
public record MachineRow(
    VmId id,
    String name,
    Instant knownSince,
    Map<Integer, DiskKey> disks,
    Optional<Instant> restorePointAt,
    Optional<BackupId> lastBackup,
    Optional<Status> lastStatus) {}
