package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A sparse file without a name: nothing of it is left when it is closed or its process dies. A
 * place that was not written reads as zeros as far as the file reaches. Thread-safe.
 */
public final class ScratchFile implements Closeable {

  private final FileChannel channel;
  private final ReadOnlyFile reading;

  private ScratchFile(FileChannel channel) {
    this.channel = channel;
    this.reading = ReadOnlyFile.of(channel);
  }

  /**
   * @param folder whose file system has the room
   */
  public static ScratchFile create(Path folder) throws IOException {
    Path file = Files.createTempFile(folder, "backstep-scratch-", null);
    try {
      return new ScratchFile(
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE));
    } finally {
      Files.delete(file);
    }
  }

  /** The same file for reading; ends with this. */
  public ReadOnlyFile reading() {
    return reading;
  }

  /** Writes all bytes. */
  public void write(ByteBuffer bytes, long offset) throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
