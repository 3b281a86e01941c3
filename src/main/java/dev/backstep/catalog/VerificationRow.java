package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A verification as the catalog knows it.
 *
 * @param backup whose images; all when empty
 * @param whole whether data is checked, not only structure
 * @param leaseToken the lease of its owner, or its last one
 * @param executionId the Batch execution that runs it, or ran it last
 * @param images how many it is about
 * @param checked how many of them are done
 * @param damaged how many of those were found damaged
 * @param bytesTotal length of the files of all images
 * @param bytesChecked of data
 */
public record VerificationRow(
    String id,
    Optional<BackupId> backup,
    boolean whole,
    Status status,
    Instant createdAt,
    Optional<Instant> completedAt,
    OptionalLong leaseToken,
    OptionalLong executionId,
    Optional<String> error,
    int images,
    int checked,
    int damaged,
    long bytesTotal,
    long bytesChecked) {}
