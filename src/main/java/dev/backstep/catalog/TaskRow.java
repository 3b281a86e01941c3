package dev.backstep.catalog;

import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A task as the catalog knows it.
 *
 * @param subject what it is about, for people
 * @param settings what its job needs to know, as that job wrote it
 * @param leaseToken the lease of its owner, or its last one
 * @param executionId the Batch execution that runs it, or ran it last
 * @param bytesTotal work to do; 0 while unknown
 * @param bytesDone work done
 */
public record TaskRow(
    String id,
    TaskKind kind,
    String subject,
    String settings,
    Status status,
    Instant createdAt,
    Optional<Instant> completedAt,
    OptionalLong leaseToken,
    OptionalLong executionId,
    Optional<String> error,
    long bytesTotal,
    long bytesDone) {}
