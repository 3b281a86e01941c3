package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A stored plan of retention.
 *
 * @param subject the VMs that it is about, for people
 * @param definitions the job definitions that it was made of, as they are written
 * @param drops what goes by it, each backup before those that it stands on
 * @param bytesFreed length of all files that go
 * @param createdBy who made it: a token's name, a user of the host, or the schedule
 * @param taskId the prune that it became
 * @param note what of it did not go any more when it was run, and why; empty for nothing
 */
public record PlanRow(
    String id,
    String subject,
    Status status,
    List<String> definitions,
    List<BackupId> drops,
    long bytesFreed,
    Instant createdAt,
    String createdBy,
    Optional<Instant> approvedAt,
    Optional<String> approvedBy,
    Optional<String> taskId,
    String note) {

  public PlanRow {
    definitions = List.copyOf(definitions);
    drops = List.copyOf(drops);
  }

  /** Where a plan stands. */
  public enum Status {
    OPEN,
    APPROVED,
    RUN,
    /** A newer one of the same schedule has taken its place. */
    SUPERSEDED
  }
}
