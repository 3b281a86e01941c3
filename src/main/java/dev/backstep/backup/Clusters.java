package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.domain.ByteRange;
import java.util.List;
import java.util.Optional;

/**
 * Up to about a block of data with the zero ranges between it, in ascending order of the disk's
 * bytes.
 *
 * @param data the bytes of all data runs, in their order; whoever gets the record closes it
 * @param base the same ranges as the chain has them; present when the disk is compared
 * @param runs data and zero runs, ascending
 */
record Clusters(Optional<Block> data, Optional<Block> base, List<ClusterMap.Run> runs)
    implements AutoCloseable {

  Clusters {
    runs = List.copyOf(runs);
  }

  /** From the first run to the end of the last one. */
  ByteRange span() {
    long start = runs.getFirst().range().offset();
    return new ByteRange(start, runs.getLast().range().end() - start);
  }

  @Override
  public void close() {
    data.ifPresent(Block::close);
    base.ifPresent(Block::close);
  }
}
