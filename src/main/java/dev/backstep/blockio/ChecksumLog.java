package dev.backstep.blockio;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * Keeps the checksums of a file while it is written, in the order of writing: the file that {@link
 * ChecksumFile} reads. Thread-safe. The caller closes it.
 */
public final class ChecksumLog implements Closeable {

  private static final int PENDING_BYTES = 4096 * ChecksumFile.ENTRY_BYTES;

  private final Path path;
  private final FileChannel channel;
  private final ByteBuffer pending = ByteBuffer.allocateDirect(PENDING_BYTES);
  private long end;

  private ChecksumLog(Path path, FileChannel channel, long end) {
    this.path = path;
    this.channel = channel;
    this.end = end;
  }

  /** Begins one, emptying a file that is there. */
  public static ChecksumLog create(Path path) throws IOException {
    FileChannel channel =
        FileChanges.create(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    ChecksumLog log = new ChecksumLog(path, channel, 0);
    log.pending.put(ChecksumFile.MAGIC);
    return log;
  }

  /**
   * Goes on with one.
   *
   * @param lengthBytes its length at the state to go on from, as {@link #force} told; what came
   *     later is forgotten
   * @param dataEnd checksums of what lies at or behind this byte of the file are forgotten, too
   * @throws EOFException when it is shorter
   * @throws java.nio.file.NoSuchFileException when it is missing
   */
  public static ChecksumLog resume(Path path, long lengthBytes, long dataEnd) throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (channel.size() < lengthBytes
          || lengthBytes < ChecksumFile.MAGIC.length
          || (lengthBytes - ChecksumFile.MAGIC.length) % ChecksumFile.ENTRY_BYTES != 0) {
        throw new EOFException(
            path + ": " + channel.size() + " bytes long, expected at least " + lengthBytes);
      }
      ChecksumLog log = new ChecksumLog(path, channel, lengthBytes);
      log.dropFrom(dataEnd);
      return log;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * What is dropped is made blank, so that the length stays what it was: another process may go on
   * from the same state once more.
   */
  private void dropFrom(long dataEnd) throws IOException {
    ByteBuffer entries = ByteBuffer.allocate(PENDING_BYTES);
    for (long at = ChecksumFile.MAGIC.length; at < end; at += entries.limit()) {
      entries.clear().limit((int) Math.min(entries.capacity(), end - at));
      readFully(entries, at);
      boolean dropped = false;
      for (int i = 0; i < entries.limit(); i += ChecksumFile.ENTRY_BYTES) {
        if (entries.getLong(i) >= dataEnd) {
          entries.putLong(i, 0).putLong(i + Long.BYTES, 0);
          dropped = true;
        }
      }
      if (dropped) {
        writeFully(entries.rewind(), at);
      }
    }
    FileChanges.truncate(path, channel, end);
  }

  private void readFully(ByteBuffer bytes, long offset) throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      int read = channel.read(bytes, at);
      if (read < 0) {
        throw new EOFException("the checksums end at byte " + at);
      }
      at += read;
    }
  }

  private int writeFully(ByteBuffer bytes, long offset) throws IOException {
    int count = bytes.remaining();
    FileChanges.write(path, channel, bytes, offset);
    return count;
  }

  /**
   * Takes the checksum of bytes that are written to the file. A range is recorded once.
   *
   * @param offset place in the file, in bytes
   * @param bytes from position to limit, which stay as they are
   */
  public void record(long offset, ByteBuffer bytes) throws IOException {
    CRC32C crc = new CRC32C();
    crc.update(bytes.duplicate());
    record(new Checksum(offset, bytes.remaining(), (int) crc.getValue()));
  }

  /** Keeps the checksum of bytes that are in the file, or are to be. */
  public synchronized void record(Checksum checksum) throws IOException {
    if (pending.remaining() < ChecksumFile.ENTRY_BYTES) {
      flush();
    }
    pending.putLong(checksum.offset()).putInt(checksum.lengthBytes()).putInt(checksum.crc32c());
  }

  private void flush() throws IOException {
    end += writeFully(pending.flip(), end);
    pending.clear();
  }

  /**
   * Forces what was recorded so far.
   *
   * @return the log's length in bytes
   */
  public synchronized long force() throws IOException {
    flush();
    FileChanges.force(path, channel);
    return end;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
