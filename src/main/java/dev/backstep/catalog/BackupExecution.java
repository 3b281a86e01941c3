package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A backup as a run.
 *
 * @param executionId the Batch execution that ran it last
 * @param attempts how often a server began it or went on with it
 * @param ran how long its last execution took, to the second
 */
public record BackupExecution(
    BackupId id,
    String vmName,
    Status status,
    OptionalLong executionId,
    Origin origin,
    int attempts,
    Instant createdAt,
    Optional<Instant> endedAt,
    Optional<Duration> ran,
    Optional<String> error) {}
