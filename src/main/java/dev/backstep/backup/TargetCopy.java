package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.domain.ByteRange;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Copies clusters of a disk to an output, in ascending order: all of them, or those that differ
 * from what is there. For one thread; readers and output are the caller's to close, after this.
 */
final class TargetCopy implements Closeable {

  /** Blocks kept in flight ahead of the output. */
  private static final int AHEAD = 8;

  /** Blocks that a reader must be able to hold. */
  static final int BLOCKS = AHEAD + 8;

  /** Most blocks an item: 16 MiB. */
  static final int ITEM_BLOCKS = 8;

  private final DiskOutput output;
  private final Optional<DifferingOutput> differing;
  private final BlockPlan items;
  private final ReadAhead ahead;
  private final long bytesTotal;
  private long bytesDone;
  private long position;

  /**
   * @param there what the output held before, where only what differs is to be written
   * @param position the byte to begin at, cluster aligned
   */
  TargetCopy(
      BlockReader disk,
      Optional<BlockReader> there,
      ClusterMap clusters,
      long position,
      DiskOutput output) {
    this.output = output;
    this.differing = there.map(reader -> new DifferingOutput(output));
    this.items = new BlockPlan(clusters, position);
    this.ahead = new ReadAhead(disk, there, new BlockPlan(clusters, position), AHEAD);
    this.bytesTotal = clusters.dataBytes();
    this.bytesDone = clusters.dataBytesBefore(position);
    this.position = position;
  }

  /**
   * How many blocks the next item has; empty when everything was put.
   *
   * @param most at least 1
   */
  Optional<Integer> next(int most) {
    int count = 0;
    while (count < most && !items.next().isEmpty()) {
      count++;
    }
    return count == 0 ? Optional.empty() : Optional.of(count);
  }

  /**
   * Writes the next item.
   *
   * @param count as {@link #next} gave it
   */
  void put(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      Clusters clusters = ahead.next().orElseThrow();
      ByteRange span = clusters.span();
      bytesDone +=
          clusters.data().map(Block::ranges).orElse(List.of()).stream()
              .mapToLong(ByteRange::length)
              .sum();
      position = span.end();
      if (differing.isPresent()) {
        differing.get().put(clusters);
      } else {
        output.put(clusters);
      }
    }
  }

  /** Makes durable what was put, or begins to. Gives the newest state to go on from. */
  Optional<String> checkpoint() throws IOException {
    return output.checkpoint(position);
  }

  /** Bytes to be put. */
  long bytesTotal() {
    return bytesTotal;
  }

  /** Bytes put so far, of this try and those before it. */
  long bytesDone() {
    return bytesDone;
  }

  /** Bytes found different and written; all that was put when nothing is compared. */
  long bytesWritten() {
    return differing.map(DifferingOutput::bytesPassedOn).orElse(bytesDone);
  }

  /** Gives back what was read and not put. */
  @Override
  public void close() {
    ahead.close();
  }
}
