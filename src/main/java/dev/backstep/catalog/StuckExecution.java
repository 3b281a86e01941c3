package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Something that the tables call running, or whose end they do not know, and that no living process
 * runs.
 *
 * @param executionId the Batch execution
 * @param batchStatus its status; empty when the execution has ended and only the backup hangs
 * @param backup empty when no backup belongs to the execution
 * @param task empty when no task belongs to the execution
 * @param status of the backup or the task
 * @param host where the process was that ran it, as far as it is remembered
 * @param leaseEnd when its lease ended
 */
public record StuckExecution(
    OptionalLong executionId,
    Optional<String> batchStatus,
    Optional<BackupId> backup,
    Optional<String> task,
    Optional<Status> status,
    Optional<String> host,
    OptionalLong processId,
    Optional<Instant> leaseEnd) {}
