package dev.backstep.blockio;

import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Reads a raw file or a block device. A regular file is mapped: its pages go from the page cache to
 * the image as they are; the pages are let go with their block. A device, or a file that cannot be
 * mapped, is read into buffers. A file that shrinks meanwhile gives an {@link IOException}; behind
 * that, whatever but the JVM itself looks at a block's bytes does so through {@link MappedBytes}.
 */
public final class RawFileReader implements BlockReader {

  private static final int THREADS = 2;
  private static final int MADV_DONTNEED = 4;

  private final Path path;
  private final FileChannel file;
  private final long sizeBytes;
  private final BufferPool pool;
  private final Semaphore room;
  private final @Nullable Mapping mapping;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          THREADS, Thread.ofPlatform().daemon().name("read-", 0).factory());

  private RawFileReader(Path path, FileChannel file, long sizeBytes, int blocksInFlight) {
    this.path = path;
    this.file = file;
    this.sizeBytes = sizeBytes;
    this.pool = new BufferPool(blocksInFlight);
    this.room = new Semaphore(blocksInFlight);
    this.mapping = Files.isRegularFile(path) && sizeBytes > 0 ? Mapping.of(file, sizeBytes) : null;
  }

  /**
   * @param blocksInFlight how many blocks may be held at once
   */
  public static RawFileReader open(Path path, int blocksInFlight) throws IOException {
    FileChannel file = FileChannel.open(path);
    try {
      return new RawFileReader(path, file, RawFile.sizeBytes(path), blocksInFlight);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** The whole file in memory, unmapped when reader and last block have let it go. */
  private static final class Mapping {
    private final Arena arena;
    private final MemorySegment memory;
    private final AtomicInteger users = new AtomicInteger(1);

    private Mapping(Arena arena, MemorySegment memory) {
      this.arena = arena;
      this.memory = memory;
    }

    @SuppressWarnings("MustBeClosed") // closed by done()
    static @Nullable Mapping of(FileChannel file, long size) {
      Arena arena = Arena.ofShared();
      try {
        return new Mapping(arena, file.map(FileChannel.MapMode.READ_ONLY, 0, size, arena));
      } catch (IOException | UnsupportedOperationException e) {
        arena.close();
        return null; // not mappable here: the file is read into buffers instead
      }
    }

    void begin() {
      users.incrementAndGet();
    }

    void done() {
      if (users.decrementAndGet() == 0) {
        arena.close();
      }
    }
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public CompletableFuture<Block> read(List<ByteRange> ranges) {
    Ranges.check(ranges, sizeBytes);
    CompletableFuture<Block> result = new CompletableFuture<>();
    if (mapping != null) {
      room.acquireUninterruptibly();
      mapping.begin();
      MappedBlock block = new MappedBlock(mapping, ranges);
      threads.execute(() -> touch(block, result));
    } else {
      PooledBlock block = new PooledBlock(pool, ranges);
      threads.execute(() -> fill(block, result));
    }
    return result;
  }

  /** Has the kernel read the pages and map them, before the caller waits for them. */
  private void touch(MappedBlock block, CompletableFuture<Block> result) {
    try {
      for (ByteRange range : block.ranges()) {
        MappedBytes.touch(block.mapping.memory.asSlice(range.offset(), range.length()));
      }
      // Compiled code is told of a page that is gone by its next call of the system, not before.
      if (file.size() < sizeBytes) {
        throw shorter();
      }
      result.complete(block);
    } catch (InternalError e) {
      block.close();
      readInstead(block.ranges(), e, result);
    } catch (IOException | RuntimeException | Error e) {
      block.close();
      result.completeExceptionally(e);
    }
  }

  private IOException shorter() throws IOException {
    return new IOException(
        path
            + " ends at byte "
            + file.size()
            + ", expected "
            + sizeBytes
            + " bytes; it has become shorter");
  }

  /** For the system's word on why pages cannot be touched. */
  private void readInstead(
      List<ByteRange> ranges, InternalError fault, CompletableFuture<Block> result) {
    try (PooledBlock block = new PooledBlock(pool, ranges)) {
      read(block);
      throw new IOException(path + ": its bytes can be read, its pages could not be", fault);
    } catch (IOException | RuntimeException | Error e) {
      result.completeExceptionally(e);
    }
  }

  private void fill(PooledBlock block, CompletableFuture<Block> result) {
    try {
      read(block);
      result.complete(block);
    } catch (IOException | RuntimeException | Error e) {
      block.close();
      result.completeExceptionally(e);
    }
  }

  private void read(PooledBlock block) throws IOException {
    for (int i = 0; i < block.ranges().size(); i++) {
      ByteBuffer bytes = block.bytes(i);
      long at = block.ranges().get(i).offset();
      while (bytes.hasRemaining()) {
        int count = file.read(bytes, at);
        if (count < 0) {
          throw shorter();
        }
        at += count;
      }
    }
  }

  private final class MappedBlock implements Block {
    private final Mapping mapping;
    private final List<ByteRange> ranges;
    private final AtomicBoolean closed = new AtomicBoolean();

    MappedBlock(Mapping mapping, List<ByteRange> ranges) {
      this.mapping = mapping;
      this.ranges = List.copyOf(ranges);
    }

    @Override
    public List<ByteRange> ranges() {
      return ranges;
    }

    @Override
    public ByteBuffer bytes(int index) {
      ByteRange range = ranges.get(index);
      return mapping.memory.asSlice(range.offset(), range.length()).asByteBuffer();
    }

    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        for (ByteRange range : ranges) {
          // Ranges begin at a page; what the last page holds behind the range is read again at
          // need.
          Kernel.madvise(mapping.memory.asSlice(range.offset()), range.length(), MADV_DONTNEED);
        }
        mapping.done();
        room.release();
      }
    }
  }

  @Override
  public void close() throws IOException {
    threads.close();
    pool.close();
    if (mapping != null) {
      mapping.done();
    }
    file.close();
  }
}
