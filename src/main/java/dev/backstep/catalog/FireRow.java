package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.Optional;

/**
 * A start that a schedule asked for; there is one for each VM and scheduled time, however often it
 * is delivered.
 *
 * @param scheduledAt when it was due
 * @param firedAt when a server first saw it
 * @param reason why it was skipped or failed; one sentence
 * @param backup what it became, or for SKIPPED the backup that was in the way
 * @param backupStatus where that backup stands now
 */
public record FireRow(
    String vmName,
    Instant scheduledAt,
    Instant firedAt,
    FireOutcome outcome,
    Optional<String> reason,
    Optional<BackupId> backup,
    Optional<Status> backupStatus) {}
