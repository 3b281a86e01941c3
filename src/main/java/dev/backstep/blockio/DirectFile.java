package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A file that is written past the page cache where offset, length and memory are aligned and the
 * file system can, and through it otherwise. Positional; thread-safe for ranges that do not
 * overlap.
 */
public final class DirectFile implements Closeable {

  private static final long ZEROS_BYTES = 1 << 20;

  private final Path path;
  private final FileChannel plain;
  private final @Nullable FileChannel direct;

  private DirectFile(Path path, FileChannel plain) {
    this.path = path;
    this.plain = plain;
    this.direct = direct(path, StandardOpenOption.WRITE);
  }

  /** Makes an empty file, emptying one that is there. */
  public static DirectFile create(Path path) throws IOException {
    return new DirectFile(
        path,
        FileChanges.create(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE));
  }

  /** Opens a file or block device that is there. */
  public static DirectFile open(Path path) throws IOException {
    return new DirectFile(
        path, FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
  }

  /** A file opened past the page cache; null where the file system or the JDK cannot. */
  static @Nullable FileChannel direct(Path path, OpenOption access) {
    try {
      return FileChannel.open(path, access, directOption());
    } catch (IOException | UnsupportedOperationException | ReflectiveOperationException e) {
      return null; // no direct I/O on this file system: everything goes through the page cache
    }
  }

  /**
   * The JDK's exported but unofficial option, by name: naming its class is a warning that no lint
   * key silences, and a JDK without it is no error but one without direct I/O.
   */
  private static OpenOption directOption() throws ReflectiveOperationException {
    Class<?> options = Class.forName("com.sun.nio.file.ExtendedOpenOption");
    return (OpenOption) Objects.requireNonNull(options.getField("DIRECT").get(null));
  }

  /** Whether aligned writes go past the page cache. */
  public boolean isDirect() {
    return direct != null;
  }

  /**
   * Writes all remaining bytes.
   *
   * @param offset place in the file, in bytes
   * @throws IOException naming file and offset, when the file system is full or fails
   */
  public void write(ByteBuffer bytes, long offset) throws IOException {
    FileChannel channel = direct != null && aligned(bytes, offset) ? direct : plain;
    long at = offset;
    try {
      while (bytes.hasRemaining()) {
        at += FileCalls.current().write(path, channel, bytes, at);
        channel = plain; // a short write leaves an unaligned rest
      }
    } catch (IOException | InternalError e) {
      throw FileChanges.unwritten(path, at, bytes.remaining(), e);
    }
  }

  private static boolean aligned(ByteBuffer bytes, long offset) {
    long mask = BufferPool.ALIGNMENT_BYTES - 1;
    return bytes.isDirect()
        && (offset & mask) == 0
        && (bytes.remaining() & mask) == 0
        && (MemorySegment.ofBuffer(bytes).address() & mask) == 0;
  }

  /**
   * Makes a range read as zeros: a hole where the file system or device can, else zeros are
   * written.
   *
   * @param length bytes, at least 1
   */
  public void zero(long offset, long length) throws IOException {
    if (FileCalls.current().punch(path, offset, length)) {
      return;
    }
    ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(length, ZEROS_BYTES));
    for (long at = offset; at < offset + length; at += zeros.capacity()) {
      write(zeros.clear().limit((int) Math.min(zeros.capacity(), offset + length - at)), at);
    }
  }

  /**
   * Has the file system set room aside for a range that is to be written, and makes the file that
   * long. That is for speed alone: nothing written needs it.
   *
   * @param roomBytesMin with less room than this left, none is set aside
   * @return whether there is any sense in asking for more
   */
  public boolean reserve(long offset, long length, long roomBytesMin) {
    try {
      return Files.getFileStore(path).getUsableSpace() >= roomBytesMin
          && FileCalls.current().reserve(path, offset, length);
    } catch (IOException e) {
      return false; // whoever writes is told of it in better words
    }
  }

  /**
   * Fills a buffer.
   *
   * @throws IOException when the file ends before
   */
  public void read(ByteBuffer bytes, long offset) throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      int count = plain.read(bytes, at);
      if (count < 0) {
        throw new IOException(
            path + " ends at byte " + at + ", expected " + bytes.remaining() + " bytes more");
      }
      at += count;
    }
  }

  public long sizeBytes() throws IOException {
    return plain.size();
  }

  /** Cuts or extends (with a hole) the file to an exact length. */
  public void truncate(long sizeBytes) throws IOException {
    if (plain.size() > sizeBytes) {
      FileChanges.truncate(path, plain, sizeBytes);
    } else if (plain.size() < sizeBytes) {
      write(ByteBuffer.wrap(new byte[1]), sizeBytes - 1);
    }
  }

  /** Forces all written data, and the length, to the device. */
  public void force() throws IOException {
    FileChanges.force(path, plain);
  }

  @Override
  public void close() throws IOException {
    try (plain) {
      if (direct != null) {
        direct.close();
      }
    }
  }
}
