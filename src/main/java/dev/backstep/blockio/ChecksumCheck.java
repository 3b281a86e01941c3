package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Reads ranges of a file and compares them with their checksums; past the page cache where the file
 * system can, so that it is the disk that answers. Several threads read. For one caller at a time,
 * which closes it.
 */
public final class ChecksumCheck implements Closeable {

  private static final int THREADS = 4;
  private static final int WINDOW_BYTES = BlockReader.BLOCK_BYTES_MAX;

  private final FileChannel plain;
  private final @Nullable FileChannel direct;
  private final Queue<ByteBuffer> windows = new ConcurrentLinkedQueue<>();
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          THREADS, Thread.ofPlatform().daemon().name("verify-", 0).factory());

  private ChecksumCheck(FileChannel plain, @Nullable FileChannel direct) {
    this.plain = plain;
    this.direct = direct;
  }

  /**
   * A range that does not hold what was written to it.
   *
   * @param found what it holds, or why that cannot be said
   */
  public record Mismatch(Checksum expected, String found) {}

  public static ChecksumCheck open(Path file) throws IOException {
    FileChannel plain = FileChannel.open(file, StandardOpenOption.READ);
    return new ChecksumCheck(plain, DirectFile.direct(file, StandardOpenOption.READ));
  }

  /**
   * @return what is wrong, in the order of the checksums; a range that cannot be read is one of
   *     them
   */
  public List<Mismatch> check(List<Checksum> checksums) {
    List<CompletableFuture<Optional<Mismatch>>> running = new ArrayList<>();
    for (Checksum checksum : checksums) {
      running.add(CompletableFuture.supplyAsync(() -> compare(checksum), threads));
    }
    List<Mismatch> wrong = new ArrayList<>();
    for (CompletableFuture<Optional<Mismatch>> one : running) {
      one.join().ifPresent(wrong::add);
    }
    return wrong;
  }

  private Optional<Mismatch> compare(Checksum expected) {
    ByteBuffer idle = windows.poll();
    ByteBuffer window = idle == null ? AlignedBuffers.allocate(WINDOW_BYTES) : idle;
    try {
      String found = found(window, expected);
      return found.equals(expected.sum().toString())
          ? Optional.empty()
          : Optional.of(new Mismatch(expected, found));
    } finally {
      windows.add(window);
    }
  }

  private String found(ByteBuffer window, Checksum expected) {
    if (direct != null) {
      try {
        return found(window, direct, BufferPool.ALIGNMENT_BYTES, expected);
      } catch (IOException e) {
        // Not every file system that opens a file this way also reads it.
      }
    }
    try {
      return found(window, plain, 1, expected);
    } catch (IOException e) {
      return "it cannot be read: " + e.getMessage();
    }
  }

  private static String found(ByteBuffer window, FileChannel file, int alignment, Checksum expected)
      throws IOException {
    Digest digest = Digest.of(expected.sum().kind());
    long end = expected.offset() + expected.lengthBytes();
    for (long at = expected.offset(); at < end; at += window.limit()) {
      long from = at / alignment * alignment;
      long to = Math.ceilDiv(end, alignment) * alignment;
      window.clear().limit((int) Math.min(window.capacity(), to - from));
      fill(window, file, from, alignment);
      int there = (int) Math.min(window.flip().limit(), end - from);
      int skipped = (int) (at - from);
      if (there <= skipped) {
        return "the file ends at byte " + (from + there);
      }
      digest.update(window.slice(skipped, there - skipped));
      window.limit(there - skipped);
    }
    return digest.sum().toString();
  }

  /** Until it is full or the file ends. */
  private static void fill(ByteBuffer window, FileChannel file, long from, int alignment)
      throws IOException {
    while (window.hasRemaining()) {
      int count = file.read(window, from + window.position());
      if (count < 0 || window.position() % alignment != 0) {
        return;
      }
    }
  }

  @Override
  public void close() throws IOException {
    threads.close();
    try (plain) {
      if (direct != null) {
        direct.close();
      }
    }
  }
}
