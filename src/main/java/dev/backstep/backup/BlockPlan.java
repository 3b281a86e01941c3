package dev.backstep.backup;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Walks a cluster map block by block; two walks of one map from one byte are alike. For one thread.
 */
final class BlockPlan {

  /** Most runs a block gathers, so that a finely scattered disk still makes blocks of some size. */
  private static final int RUNS_MAX = 64;

  private final ClusterMap clusters;
  private long position;

  /**
   * @param from the byte to begin at, cluster aligned
   */
  BlockPlan(ClusterMap clusters, long from) {
    this.clusters = clusters;
    this.position = from;
  }

  /** Data of at most {@link BlockReader#BLOCK_BYTES_MAX} and what lies between; none at the end. */
  List<ClusterMap.Run> next() {
    List<ClusterMap.Run> runs = new ArrayList<>();
    long room = BlockReader.BLOCK_BYTES_MAX;
    while (room >= ClusterMap.CLUSTER_BYTES && runs.size() < RUNS_MAX) {
      Optional<ClusterMap.Run> next = clusters.next(position, room);
      if (next.isEmpty()) {
        break;
      }
      ClusterMap.Run run = next.get();
      if (run.kind() == ExtentKind.DATA) {
        room -= run.range().length();
      }
      runs.add(run);
      position = run.range().end();
    }
    return runs;
  }
}
