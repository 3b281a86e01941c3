package dev.backstep.job.external;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.SourceDisk;
import java.util.Optional;

/**
 * A disk that another program reads, as far as planning its level goes: whether its change tracking
 * still answers is the mover's to know, and what changed is the mover's to find.
 */
record MovedDisk(DiskKey key, long sizeBytes, boolean trackingReset) implements SourceDisk {

  @Override
  public Optional<ChangeId> changeId() {
    return Optional.empty();
  }

  @Override
  public boolean tracksGrowth() {
    return false;
  }

  @Override
  public void allocated(ExtentVisitor visitor) {
    // The mover's to find: none of its bytes go through this program.
  }

  @Override
  public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) {
    return trackingReset
        ? new ChangedAnswer.Reset("the mover says that the source cannot answer for " + since)
        : new ChangedAnswer.Known();
  }

  @Override
  public BlockReader open(int blocksInFlight) {
    throw new IllegalStateException("disk " + key + " is read by another program");
  }
}
