package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.Optional;

/**
 * A VM whose newest restore point is too old.
 *
 * @param restorePointAt the moment that its newest restore point shows; empty when it has none
 * @param lastBackup its newest backup, whatever its status
 */
public record StaleMachine(
    String vmName,
    Optional<Instant> restorePointAt,
    Optional<BackupId> lastBackup,
    Optional<Status> lastStatus,
    Optional<String> lastError) {}
