package dev.backstep.blockio;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/** A file that is read at any place, through the page cache. Positional; thread-safe. */
public final class ReadOnlyFile implements Closeable {

  private final FileChannel channel;

  private ReadOnlyFile(FileChannel channel) {
    this.channel = channel;
  }

  /** Opens a file or block device; the caller closes it. */
  public static ReadOnlyFile open(Path path) throws IOException {
    return new ReadOnlyFile(FileChannel.open(path));
  }

  static ReadOnlyFile of(FileChannel channel) {
    return new ReadOnlyFile(channel);
  }

  /**
   * Reads what fits and is there.
   *
   * @param offset place in the file, in bytes
   * @return bytes read, -1 at the end or behind it
   */
  public int read(ByteBuffer bytes, long offset) throws IOException {
    return channel.read(bytes, offset);
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
    channel.close();
  }
}
