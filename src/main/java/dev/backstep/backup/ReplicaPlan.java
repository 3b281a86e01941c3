package dev.backstep.backup;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Reason;
import java.util.Optional;

/**
 * What a run does with one replica, decided before its first byte is read.
 *
 * @param reason also says the level
 * @param cause one sentence behind the reason; empty when the reason says it all
 * @param previousChangeId what the replica was as of, whatever the level
 * @param clusters what to read and write; with {@link Reason#COMPARED} what to compare
 */
public record ReplicaPlan(
    Reason reason, String cause, Optional<ChangeId> previousChangeId, ClusterMap clusters) {

  /** Whether the replica's content is read, and only what differs written. */
  public boolean compares() {
    return reason == Reason.COMPARED;
  }

  /**
   * Whether all that is not written holds the disk as of the previous change id until the run comes
   * to its end. A run that is broken off then leaves a replica that the next run can still put
   * right by what changed since: that includes all that this one has written.
   */
  public boolean keepsChangeId() {
    return reason == Reason.CHANGED_EXTENTS;
  }
}
