package dev.backstep.qcow2;

import com.github.luben.zstd.ZstdCompressCtx;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Compresses batches of clusters side by side and gives them back in the order in which they came.
 * For one thread, but for the compressing itself.
 */
final class ClusterPacker {

  /** Bytes a batch: enough to keep a thread busy, few enough to keep all of them busy. */
  private static final int BATCH_BYTES = 1 << 20;

  private final int clusterBytes;
  private final int level;
  private final int threads = Math.max(1, Runtime.getRuntime().availableProcessors());
  private final ExecutorService pool =
      Executors.newFixedThreadPool(
          threads, Thread.ofPlatform().daemon().name("compress-", 0).factory());
  private final Queue<Workbench> workbenches = new ConcurrentLinkedQueue<>();
  private final Queue<ByteBuffer> idle = new ConcurrentLinkedQueue<>();
  private final Deque<Batch> batches = new ArrayDeque<>();

  /** What an image needs to be written; null when it is not compressed. */
  static @Nullable ClusterPacker of(Qcow2Spec spec) {
    return spec.compression() == Compression.ZSTD
        ? new ClusterPacker(1 << spec.clusterBits(), spec.compressionLevel())
        : null;
  }

  ClusterPacker(int clusterBytes, int level) {
    this.clusterBytes = clusterBytes;
    this.level = level;
  }

  /** What one thread works with. */
  private record Workbench(ZstdCompressCtx context, ByteBuffer copy) {}

  /** Clusters of one L2 table in the order of the disk: data being packed, or zeros. */
  static final class Batch {
    private final long guest;
    private final long length;
    private final @Nullable ByteBuffer bytes;
    private final BlockUse use;
    private final @Nullable CompletableFuture<PackedClusters> packed;

    Batch(
        long guest,
        long length,
        @Nullable ByteBuffer bytes,
        BlockUse use,
        @Nullable CompletableFuture<PackedClusters> packed) {
      this.guest = guest;
      this.length = length;
      this.bytes = bytes;
      this.use = use;
      this.packed = packed;
    }

    long guest() {
      return guest;
    }

    long length() {
      return length;
    }

    /** Whether this is a range of zeros; it has no bytes then. */
    boolean zeros() {
      return packed == null;
    }

    ByteBuffer bytes() {
      if (bytes == null) {
        throw new IllegalStateException("a range of zeros has no bytes");
      }
      return bytes;
    }

    BlockUse use() {
      return use;
    }

    PackedClusters packed() throws IOException {
      if (packed == null) {
        throw new IllegalStateException("a range of zeros is not packed");
      }
      try {
        return packed.join();
      } catch (CompletionException e) {
        throw new IOException(
            "compressing the clusters at byte " + guest + " failed: " + e.getCause(), e);
      }
    }

    private boolean isReady() {
      return packed == null || packed.isDone();
    }
  }

  /**
   * Takes clusters of one L2 table, cut into batches.
   *
   * @param use begun here once for each batch; whoever takes the batch ends it
   */
  void submit(long guest, ByteBuffer bytes, BlockUse use) {
    for (int at = 0; at < bytes.remaining(); at += BATCH_BYTES) {
      ByteBuffer part = bytes.slice(at, Math.min(BATCH_BYTES, bytes.remaining() - at));
      use.begin();
      CompletableFuture<PackedClusters> packed =
          CompletableFuture.supplyAsync(() -> pack(part), pool);
      batches.add(new Batch(guest + at, part.remaining(), part, use, packed));
    }
  }

  private PackedClusters pack(ByteBuffer part) {
    Workbench pooled = workbenches.poll();
    Workbench workbench =
        pooled != null
            ? pooled
            : new Workbench(
                new ZstdCompressCtx().setLevel(level), ByteBuffer.allocateDirect(clusterBytes));
    try {
      return PackedClusters.of(
          part, clusterBytes, BATCH_BYTES, workbench.context, workbench.copy, idle);
    } finally {
      workbenches.add(workbench);
    }
  }

  void zeros(ByteRange range) {
    batches.add(new Batch(range.offset(), range.length(), null, new BlockUse(null), null));
  }

  boolean isEmpty() {
    return batches.isEmpty();
  }

  /** Whether enough is under way; the caller takes some before it submits more. */
  boolean isFull() {
    return batches.size() > 2 * threads + 2;
  }

  boolean hasReady() {
    Batch first = batches.peek();
    return first != null && first.isReady();
  }

  /** The oldest batch, which may still be under way. */
  Batch take() {
    return batches.remove();
  }

  /** Waits for the threads and lets the blocks of what was not taken go. */
  void close() {
    pool.close();
    batches.forEach(batch -> batch.use().done());
    batches.clear();
    workbenches.forEach(workbench -> workbench.context.close());
  }
}
