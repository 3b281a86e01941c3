package dev.backstep.blockio;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Copies ranges of a file to the same places of another, each compared with its checksum on the
 * way: read once, written once. Zeros are not written, so that what was a hole stays one. Several
 * threads do so. For one caller at a time, which closes it.
 */
public final class ChecksumCopy implements Closeable {

  private static final int THREADS = 3;
  private static final int WINDOW_BYTES = BlockReader.BLOCK_BYTES_MAX;
  private static final int HOLE_BYTES = 64 << 10;

  private final Path source;
  private final ReadOnlyFile reading;
  private final DirectFile writing;
  private final Queue<ByteBuffer> windows = new ConcurrentLinkedQueue<>();
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          THREADS, Thread.ofPlatform().daemon().name("copy-", 0).factory());

  private ChecksumCopy(Path source, ReadOnlyFile reading, DirectFile writing) {
    this.source = source;
    this.reading = reading;
    this.writing = writing;
  }

  /**
   * @param target made, or gone on with when it is there; nothing but an earlier copy of the same
   *     source
   * @param lengthBytes that it is to have
   */
  public static ChecksumCopy open(Path source, Path target, long lengthBytes) throws IOException {
    ReadOnlyFile reading = ReadOnlyFile.open(source);
    try {
      DirectFile writing =
          Files.exists(target) ? DirectFile.open(target) : DirectFile.create(target);
      try {
        writing.truncate(lengthBytes);
        return new ChecksumCopy(source, reading, writing);
      } catch (IOException | RuntimeException e) {
        writing.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      reading.close();
      throw e;
    }
  }

  /**
   * Copies ranges that have checksums.
   *
   * @throws IOException when one cannot be read or written, or does not hold what it should: the
   *     message says which byte
   */
  public void copy(List<Checksum> ranges) throws IOException {
    List<CompletableFuture<@Nullable Void>> running = new ArrayList<>();
    for (Checksum range : ranges) {
      running.add(CompletableFuture.runAsync(() -> one(range), threads));
    }
    IOException failure = null;
    for (CompletableFuture<@Nullable Void> one : running) {
      try {
        one.join();
      } catch (CompletionException e) {
        if (!(e.getCause() instanceof UncheckedIOException failed)) {
          throw e;
        }
        failure = failure == null ? failed.getCause() : failure;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  /** Copies a range that has no checksum. */
  public void copyUnchecked(long offset, long lengthBytes) throws IOException {
    through(offset, lengthBytes, bytes -> {});
  }

  private void one(Checksum range) {
    Digest digest = Digest.of(range.sum().kind());
    try {
      through(range.offset(), range.lengthBytes(), digest::update);
      Sum found = digest.sum();
      if (!found.equals(range.sum())) {
        throw new IOException(
            source
                + " at byte "
                + range.offset()
                + ", "
                + range.lengthBytes()
                + " bytes: "
                + found
                + ", expected "
                + range.sum()
                + "; the image is damaged: run `backstep verify`");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(String.valueOf(e.getMessage()), e);
    }
  }

  private void through(long offset, long lengthBytes, Consumer<ByteBuffer> digest)
      throws IOException {
    ByteBuffer idle = windows.poll();
    ByteBuffer window = idle == null ? AlignedBuffers.allocate(WINDOW_BYTES) : idle;
    try {
      long end = offset + lengthBytes;
      for (long at = offset; at < end; at += window.limit()) {
        window.clear().limit((int) Math.min(window.capacity(), end - at));
        while (window.hasRemaining()) {
          if (reading.read(window, at + window.position()) < 0) {
            throw new EOFException(
                source
                    + " ends at byte "
                    + (at + window.position())
                    + ", expected "
                    + (end - at - window.position())
                    + " bytes more");
          }
        }
        digest.accept(window.flip());
        write(window.rewind(), at);
      }
    } finally {
      windows.add(window);
    }
  }

  /** Where nothing was written yet the target reads as zeros. */
  private void write(ByteBuffer window, long offset) throws IOException {
    int at = 0;
    while (at < window.limit()) {
      int begin = Zeros.runEnd(window, at, HOLE_BYTES, true);
      at = Zeros.runEnd(window, begin, HOLE_BYTES, false);
      if (at > begin) {
        writing.write(window.slice(begin, at - begin), offset + begin);
      }
    }
  }

  /** Forces what was copied so far. */
  public void force() throws IOException {
    writing.force();
  }

  @Override
  public void close() throws IOException {
    threads.close();
    try (reading) {
      writing.close();
    }
  }
}
