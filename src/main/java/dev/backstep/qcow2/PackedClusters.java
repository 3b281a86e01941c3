package dev.backstep.qcow2;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import dev.backstep.blockio.AlignedBuffers;
import java.nio.ByteBuffer;

/**
 * Clusters compressed one by one and laid densely one behind the other, as the specification's
 * "Compressed Clusters Descriptor" allows. A cluster that does not get smaller is left out, to be
 * stored as it is.
 */
final class PackedClusters {

  /** Start of the entry where a cluster is stored as it is. */
  private static final int RAW = -1;

  private static final ThreadLocal<ZstdCompressCtx> CONTEXTS =
      ThreadLocal.withInitial(ZstdCompressCtx::new);

  private final ByteBuffer bytes;
  private final int[] starts;
  private final int[] lengths;

  private PackedClusters(ByteBuffer bytes, int[] starts, int[] lengths) {
    this.bytes = bytes;
    this.starts = starts;
    this.lengths = lengths;
  }

  /**
   * @param clusters each of exactly one cluster, direct
   */
  static PackedClusters of(ByteBuffer[] clusters, int clusterBytes, int level) {
    ZstdCompressCtx context = CONTEXTS.get();
    context.setLevel(level);
    int room = clusterBytes - Qcow2Constants.SECTOR_BYTES;
    int capacity = clusters.length * clusterBytes + 4096;
    ByteBuffer out = AlignedBuffers.allocate(capacity);
    ByteBuffer scratch = ByteBuffer.allocateDirect((int) Zstd.compressBound(clusterBytes));
    int[] starts = new int[clusters.length];
    int[] lengths = new int[clusters.length];
    int at = 0;
    for (int i = 0; i < clusters.length; i++) {
      int length =
          context.compressDirectByteBuffer(
              scratch, 0, scratch.capacity(), clusters[i], clusters[i].position(), clusterBytes);
      if (length > room) {
        starts[i] = RAW;
        continue;
      }
      starts[i] = at;
      lengths[i] = length;
      out.put(at, scratch, 0, length);
      at += length;
    }
    return new PackedClusters(out.slice(0, Math.ceilDiv(at, 4096) * 4096), starts, lengths);
  }

  /** The packed bytes, padded with zeros to a multiple of 4096; may be empty. */
  ByteBuffer bytes() {
    return bytes.duplicate();
  }

  /** End of the clusters from {@code index} on that are stored as they are. */
  int rawEnd(int index) {
    int end = index;
    while (end < starts.length && starts[end] == RAW) {
      end++;
    }
    return end;
  }

  int start(int index) {
    return starts[index];
  }

  int length(int index) {
    return lengths[index];
  }
}
