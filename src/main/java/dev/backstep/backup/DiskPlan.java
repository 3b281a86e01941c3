package dev.backstep.backup;

import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import java.util.Optional;

/**
 * What one disk backup will do, decided before its first byte is read.
 *
 * @param cause one sentence behind the reason; empty when the reason says it all
 * @param base the image to stand on; present exactly for an incremental
 * @param previousChangeId the disk's last change id, whatever the level
 * @param clusters what to read and store; with {@link Reason#COMPARED} what to compare
 */
public record DiskPlan(
    Reason reason,
    String cause,
    Optional<Baseline> base,
    Optional<ChangeId> previousChangeId,
    ClusterMap clusters) {

  public DiskPlan {
    if (base.isPresent() != (reason.level() == Level.INCREMENTAL)) {
      throw new IllegalArgumentException(reason + " with base " + base);
    }
  }

  public Level level() {
    return reason.level();
  }

  /** Images in the chain once this one is complete. */
  public int chainLength() {
    return base.map(baseline -> baseline.chainLength() + 1).orElse(1);
  }

  /** Whether the disk's content is compared with the chain, cluster by cluster. */
  public boolean compares() {
    return reason == Reason.COMPARED;
  }
}
