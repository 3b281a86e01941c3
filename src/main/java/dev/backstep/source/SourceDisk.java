package dev.backstep.source;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import java.io.IOException;
import java.util.Optional;

/** One disk of a snapshot. Each method may be called more than once. */
public interface SourceDisk {

  DiskKey key();

  /** The disk's exact size in bytes, also where it is no multiple of a sector. */
  long sizeBytes();

  /** The mark of this snapshot's moment; empty when the source does not track this disk. */
  Optional<ChangeId> changeId();

  /** Why its changes are not tracked, with what would help, where the source knows. */
  default Optional<String> untracked() {
    return Optional.empty();
  }

  /** Whether {@link #changed} also answers rightly when the disk has grown since that change id. */
  boolean tracksGrowth();

  /**
   * Reports which ranges hold data and which read as zeros; ranges not reported read as zeros. A
   * source that cannot tell reports the whole disk as data.
   */
  void allocated(ExtentVisitor visitor) throws IOException;

  /**
   * Whether {@link #allocated} is told by the same tracking as {@link #changed}: where one has
   * lied, the other is not believed either.
   */
  default boolean allocationIsTracked() {
    return false;
  }

  /**
   * Reports the extents written since a change id, those that now read as zeros as such.
   *
   * @param since the change id of this disk's last completed backup
   * @return {@link ChangedAnswer.Known} when the extents reported are complete; with any other
   *     answer the visitor may have been called but what it saw means nothing
   * @throws SourceException of kind {@code UNREACHABLE} when nobody could be asked: the backup
   *     fails, and the disk's chain stays
   * @throws IOException when asking failed otherwise: nothing is known, and the disk is read whole
   */
  ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) throws IOException;

  /**
   * Opens the disk for reading, independent of other readers. The caller closes it.
   *
   * @param blocksInFlight how many blocks may be held at once, at least 2; bounds the memory
   */
  BlockReader open(int blocksInFlight) throws IOException;
}
