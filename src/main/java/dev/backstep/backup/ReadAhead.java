package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Reads what a plan names, some blocks ahead of the caller. For one thread; the readers are the
 * caller's to close, after this.
 */
final class ReadAhead implements Closeable {

  private final BlockReader disk;
  private final Optional<BlockReader> base;
  private final BlockPlan plan;
  private final int depth;
  private final Deque<Pending> ahead = new ArrayDeque<>();

  /**
   * @param base the chain to compare with; its reads go along with the disk's
   * @param depth blocks kept in flight, at least 1
   */
  ReadAhead(BlockReader disk, Optional<BlockReader> base, BlockPlan plan, int depth) {
    this.disk = disk;
    this.base = base;
    this.plan = plan;
    this.depth = depth;
  }

  private record Pending(
      List<ClusterMap.Run> runs,
      Optional<CompletableFuture<Block>> data,
      Optional<CompletableFuture<Block>> base) {}

  /**
   * The next block; empty behind the last one.
   *
   * @throws IOException when the disk or the chain cannot be read
   */
  Optional<Clusters> next() throws IOException {
    while (ahead.size() < depth && issue()) {}
    Pending pending = ahead.poll();
    if (pending == null) {
      return Optional.empty();
    }
    Optional<Block> data = await(pending.data());
    try {
      return Optional.of(new Clusters(data, await(pending.base()), pending.runs()));
    } catch (IOException e) {
      data.ifPresent(Block::close);
      throw e;
    }
  }

  private boolean issue() throws IOException {
    List<ClusterMap.Run> runs = plan.next();
    if (runs.isEmpty()) {
      return false;
    }
    List<ByteRange> data =
        runs.stream()
            .filter(run -> run.kind() == ExtentKind.DATA)
            .map(ClusterMap.Run::range)
            .toList();
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
    return Optional.of(await(read.get()));
  }

  /** Waits for a read. */
  static Block await(CompletableFuture<Block> read) throws IOException {
    try {
      return read.join();
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
