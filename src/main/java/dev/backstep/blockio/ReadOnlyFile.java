package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A file that is read at any place, through the page cache. Positional; thread-safe. */
public final class ReadOnlyFile implements Closeable {

  private final FileChannel channel;
  private final @Nullable CheckedRanges checked;

  private ReadOnlyFile(FileChannel channel, @Nullable CheckedRanges checked) {
    this.channel = channel;
    this.checked = checked;
  }

  /** Opens a file or block device; the caller closes it. */
  public static ReadOnlyFile open(Path path) throws IOException {
    return new ReadOnlyFile(FileChannel.open(path), null);
  }

  /**
   * Opens a file whose bytes are compared with their checksums before they are given; what has none
   * is given as it is.
   *
   * @param checksums the file that a {@link ChecksumLog} has written
   */
  public static ReadOnlyFile checked(Path path, Path checksums) throws IOException {
    FileChannel channel = FileChannel.open(path);
    try {
      return new ReadOnlyFile(channel, CheckedRanges.of(path, channel, checksums));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  static ReadOnlyFile of(FileChannel channel) {
    return new ReadOnlyFile(channel, null);
  }

  /**
   * Reads what fits and is there.
   *
   * @param offset place in the file, in bytes
   * @return bytes read, -1 at the end or behind it
   * @throws IOException when they are not what was written, too
   */
  public int read(ByteBuffer bytes, long offset) throws IOException {
    if (checked != null) {
      checked.check(offset, bytes.remaining());
    }
    return channel.read(bytes, offset);
  }

  /**
   * The checksums of a range that the file has.
   *
   * @param kind theirs; where the file has others, they are taken of what is compared with those
   * @return ascending, without gaps
   * @throws IOException when it cannot be read, or is not what was written
   * @throws IllegalStateException when it is not open for that
   */
  public List<Checksum> checksums(long offset, long length, ChecksumKind kind) throws IOException {
    return checked().checksums(offset, length, kind);
  }

  /**
   * Compares a range with its checksums.
   *
   * @throws IOException when it cannot be read, or is not what was written
   * @throws IllegalStateException when it is not open for that
   */
  void check(long offset, long length) throws IOException {
    checked().check(offset, length);
  }

  CheckedRanges checked() {
    if (checked == null) {
      throw new IllegalStateException("opened without checksums");
    }
    return checked;
  }

  /** Whether its checksums are of that kind; not when it was opened without. */
  public boolean hasChecksums(ChecksumKind kind) {
    return checked != null && checked.kind() == kind;
  }

  /** Whether {@link #checksums} can be asked for. */
  public boolean hasChecksums() {
    return checked != null;
  }

  /**
   * Writes a part of the file to a channel that blocks, where the system can without copying.
   *
   * @throws java.io.EOFException when the file ends before
   */
  public void sendTo(WritableByteChannel target, long offset, long length) throws IOException {
    long sent = 0;
    while (sent < length) {
      long count = channel.transferTo(offset + sent, length - sent, target);
      if (count <= 0) {
        throw new EOFException(
            "the file ends at "
                + channel.size()
                + ", bytes up to "
                + (offset + length)
                + " were expected");
      }
      sent += count;
    }
  }

  public long sizeBytes() throws IOException {
    return channel.size();
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      if (checked != null) {
        checked.close();
      }
    }
  }
}
