package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.time.Instant;
import java.util.Optional;

/**
 * A start that a schedule asked for and that became no backup.
 *
 * @param outcome SKIPPED or FAILED; PENDING for one that a server has seen and not come to an end
 *     with; DUE for one that no server has taken
 * @param reason one sentence; empty for PENDING and DUE
 * @param backup what was in the way of a SKIPPED one
 */
public record MissedStart(
    String vmName,
    Instant scheduledAt,
    String outcome,
    Optional<String> reason,
    Optional<BackupId> backup) {}
