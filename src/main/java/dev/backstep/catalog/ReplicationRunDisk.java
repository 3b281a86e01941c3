package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.Optional;

/**
 * A disk of a replication's run. Sizes in bytes.
 *
 * @param number from 0, in the order of the snapshot
 * @param target empty when nothing says where it goes, or another program writes it
 * @param cause one sentence behind the reason; may be empty
 * @param changeId of the snapshot; empty until COMPLETED
 * @param bytesDone of {@code bytesTotal}, read and compared or written
 * @param bytesWritten to the target; less where it held the rest already
 * @param bytesAudited of what tracking calls unchanged, compared before the first write
 * @param auditBytesDiffering of those, what was not unchanged
 * @param bytesCompared of both, when the target was verified behind the run
 * @param bytesDiffering of those compared
 */
public record ReplicationRunDisk(
    int number,
    DiskKey diskKey,
    Optional<String> target,
    Status status,
    Optional<Reason> reason,
    String cause,
    Optional<ChangeId> changeId,
    Optional<ChangeId> previousChangeId,
    long virtualSize,
    long bytesTotal,
    long bytesDone,
    long bytesWritten,
    long bytesAudited,
    long auditBytesDiffering,
    long bytesCompared,
    long bytesDiffering,
    Optional<Instant> completedAt) {

  /** Whether its target, compared when all was written, is not what the snapshot has. */
  public boolean differs() {
    return bytesDiffering > 0;
  }
}
