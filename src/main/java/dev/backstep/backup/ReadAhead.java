package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Walks a cluster map and keeps some reads in flight ahead of the caller. For one thread; the
 * readers are the caller's to close, after this.
 */
final class ReadAhead implements Closeable {

  /** Most runs an item gathers, so that a finely scattered disk still makes items of some size. */
  private static final int RUNS_MAX = 64;

  private final BlockReader disk;
  private final Optional<BlockReader> base;
  private final ClusterMap clusters;
  private final int depth;
  private final Deque<Pending> ahead = new ArrayDeque<>();
  private long position;

  /**
   * @param base the chain to compare with; its reads go along with the disk's
   * @param from the byte to begin at, cluster aligned
   * @param depth items kept in flight, at least 1
   */
  ReadAhead(
      BlockReader disk, Optional<BlockReader> base, ClusterMap clusters, long from, int depth) {
    this.disk = disk;
    this.base = base;
    this.clusters = clusters;
    this.position = from;
    this.depth = depth;
  }

  private record Pending(
      List<ClusterMap.Run> runs,
      Optional<CompletableFuture<Block>> data,
      Optional<CompletableFuture<Block>> base) {}

  /**
   * The next item; empty behind the last one.
   *
   * @throws IOException when the disk or the chain cannot be read
   */
  Optional<CopyItem.Clusters> next() throws IOException {
    while (ahead.size() < depth && issue()) {}
    Pending pending = ahead.poll();
    if (pending == null) {
      return Optional.empty();
    }
    Optional<Block> data = await(pending.data());
    try {
      return Optional.of(new CopyItem.Clusters(data, await(pending.base()), pending.runs()));
    } catch (IOException e) {
      data.ifPresent(Block::close);
      throw e;
    }
  }

  private boolean issue() throws IOException {
    List<ClusterMap.Run> runs = new ArrayList<>();
    List<ByteRange> data = new ArrayList<>();
    long room = BlockReader.BLOCK_BYTES_MAX;
    while (room >= ClusterMap.CLUSTER_BYTES && runs.size() < RUNS_MAX) {
      Optional<ClusterMap.Run> next = clusters.next(position, room);
      if (next.isEmpty()) {
        break;
      }
      ClusterMap.Run run = next.get();
      if (run.kind() == ExtentKind.DATA) {
        data.add(run.range());
        room -= run.range().length();
      }
      runs.add(run);
      position = run.range().end();
    }
    if (runs.isEmpty()) {
      return false;
    }
    if (data.isEmpty()) {
      ahead.add(new Pending(runs, Optional.empty(), Optional.empty()));
      return true;
    }
    CompletableFuture<Block> bytes = disk.read(data);
    Optional<CompletableFuture<Block>> old = Optional.empty();
    try {
      if (base.isPresent()) {
        List<ByteRange> inBase = inside(data, base.get().sizeBytes());
        old = inBase.isEmpty() ? old : Optional.of(base.get().read(inBase));
      }
    } finally {
      ahead.add(new Pending(runs, Optional.of(bytes), old));
    }
    return true;
  }

  /** The ranges as far as the chain's disk reaches; a disk that has grown has more. */
  private static List<ByteRange> inside(List<ByteRange> ranges, long size) {
    return ranges.stream()
        .filter(range -> range.offset() < size)
        .map(r -> new ByteRange(r.offset(), Math.min(r.length(), size - r.offset())))
        .toList();
  }

  private static Optional<Block> await(Optional<CompletableFuture<Block>> read) throws IOException {
    if (read.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(read.get().join());
    } catch (CompletionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    }
  }

  /** Gives back what was read and not taken. */
  @Override
  public void close() {
    for (Pending pending : ahead) {
      pending.data().ifPresent(ReadAhead::release);
      pending.base().ifPresent(ReadAhead::release);
    }
    ahead.clear();
  }

  private static void release(CompletableFuture<Block> read) {
    read.thenAccept(Block::close);
  }
}
