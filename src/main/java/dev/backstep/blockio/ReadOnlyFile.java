package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
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

  /**
   * Reads what fits and is there.
   *
   * @param offset place in the file, in bytes
   * @return bytes read, -1 at the end or behind it
   */
  public int read(ByteBuffer bytes, long offset) throws IOException {
    return channel.read(bytes, offset);
  }

  public long sizeBytes() throws IOException {
    return channel.size();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
