package dev.backstep.qcow2;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import dev.backstep.blockio.AlignedBuffers;
import java.nio.ByteBuffer;
import java.util.Queue;

/**
 * Clusters compressed one by one and laid densely one behind the other, as the specification's
 * "Compressed Clusters Descriptor" allows. A cluster that does not get smaller is left out, to be
 * stored as it is. The memory is given back with {@link #release}.
 */
final class PackedClusters {

  private static final int RAW = -1;
  private static final int BLOCK = 4096;

  private final ByteBuffer memory;
  private final int length;
  private final int[] starts;
  private final int[] lengths;
  private final Queue<ByteBuffer> idle;

  private PackedClusters(
      ByteBuffer memory, int length, int[] starts, int[] lengths, Queue<ByteBuffer> idle) {
    this.memory = memory;
    this.length = length;
    this.starts = starts;
    this.lengths = lengths;
    this.idle = idle;
  }

  /**
   * @param bytes whole clusters
   * @param batchBytes most bytes of any batch
   * @param copy a direct cluster for this call. The library must not see the block itself: where
   *     that is a mapped file that gets shorter, the JVM survives its own access, not a native one.
   * @param idle memory of batches that are done, thread-safe
   * @throws InternalError when the block's memory cannot be read any more
   */
  static PackedClusters of(
      ByteBuffer bytes,
      int clusterBytes,
      int batchBytes,
      ZstdCompressCtx context,
      ByteBuffer copy,
      Queue<ByteBuffer> idle) {
    int bound = (int) Zstd.compressBound(clusterBytes);
    ByteBuffer pooled = idle.poll();
    ByteBuffer out = pooled != null ? pooled : AlignedBuffers.allocate(batchBytes + bound);
    int clusters = bytes.remaining() / clusterBytes;
    int[] starts = new int[clusters];
    int[] lengths = new int[clusters];
    int at = 0;
    for (int i = 0; i < clusters; i++) {
      copy.put(0, bytes, bytes.position() + i * clusterBytes, clusterBytes);
      int count = context.compressDirectByteBuffer(out, at, bound, copy, 0, clusterBytes);
      if (count > clusterBytes - Qcow2Constants.SECTOR_BYTES) {
        starts[i] = RAW;
      } else {
        starts[i] = at;
        lengths[i] = count;
        at += count;
      }
    }
    return new PackedClusters(out, Math.ceilDiv(at, BLOCK) * BLOCK, starts, lengths, idle);
  }

  /** The packed bytes and some that mean nothing, up to a multiple of 4096; may be empty. */
  ByteBuffer bytes() {
    return memory.slice(0, length);
  }

  /** Gives the memory back; the bytes are not to be used any more. */
  void release() {
    idle.add(memory);
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
