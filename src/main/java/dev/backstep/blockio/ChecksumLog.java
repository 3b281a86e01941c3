package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps the checksums of a file while it is written, in the order of writing: the file that {@link
 * ChecksumFile} reads. Thread-safe. The caller closes it.
 */
public final class ChecksumLog implements Closeable {

  private static final int PENDING = 4096;

  private final Path path;
  private final ChecksumKind kind;
  private final FileChannel channel;
  private final ByteBuffer pending;
  private long end;

  private ChecksumLog(Path path, ChecksumKind kind, FileChannel channel, long end) {
    this.path = path;
    this.kind = kind;
    this.channel = channel;
    this.pending = ByteBuffer.allocateDirect(PENDING * ChecksumHeader.entryBytes(kind));
    this.end = end;
  }

  /** Begins one, emptying a file that is there. */
  public static ChecksumLog create(Path path, ChecksumKind kind) throws IOException {
    FileChannel channel =
        FileChanges.create(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    ChecksumLog log = new ChecksumLog(path, kind, channel, 0);
    log.pending.put(ChecksumHeader.of(kind));
    return log;
  }

  /**
   * Goes on with one.
   *
   * @param kind that it was begun with
   * @param lengthBytes its length at the state to go on from, as {@link #force} told; what came
   *     later is forgotten
   * @param dataEnd checksums of what lies at or behind this byte of the file are forgotten, too
   * @throws EOFException when it is shorter, of another kind, or damaged where it says of which
   * @throws java.nio.file.NoSuchFileException when it is missing
   */
  public static ChecksumLog resume(Path path, ChecksumKind kind, long lengthBytes, long dataEnd)
      throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (channel.size() < lengthBytes || !ChecksumHeader.fits(kind, lengthBytes)) {
        throw new EOFException(
            path + ": " + channel.size() + " bytes long, expected at least " + lengthBytes);
      }
      if (!ChecksumHeader.begins(kind, Channels.newInputStream(channel))) {
        throw new EOFException(path + ": not " + kind.title() + ", expected to go on with that");
      }
      ChecksumLog log = new ChecksumLog(path, kind, channel, lengthBytes);
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
    int entryBytes = ChecksumHeader.entryBytes(kind);
    ByteBuffer entries = ByteBuffer.allocate(pending.capacity());
    for (long at = ChecksumHeader.lengthBytes(kind); at < end; at += entries.limit()) {
      entries.clear().limit((int) Math.min(entries.capacity(), end - at));
      readFully(entries, at);
      boolean dropped = false;
      for (int i = 0; i < entries.limit(); i += entryBytes) {
        if (entries.getLong(i) >= dataEnd) {
          entries.put(i, new byte[entryBytes]);
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

  public ChecksumKind kind() {
    return kind;
  }

  /** Whether a checksum takes less time than handing its bytes to another thread. */
  public boolean isQuick() {
    return kind == ChecksumKind.CRC32C;
  }

  /**
   * Takes the checksum of bytes that are written to the file. A range is recorded once.
   *
   * @param offset place in the file, in bytes
   * @param bytes from position to limit, which stay as they are
   */
  public void record(long offset, ByteBuffer bytes) throws IOException {
    record(new Checksum(offset, bytes.remaining(), Digest.of(kind, bytes)));
  }

  /**
   * Keeps the checksum of bytes that are in the file, or are to be.
   *
   * @throws IllegalArgumentException when it is of another kind
   */
  public synchronized void record(Checksum checksum) throws IOException {
    if (checksum.sum().kind() != kind) {
      throw new IllegalArgumentException(checksum.sum() + " among those of " + kind.title());
    }
    if (pending.remaining() < ChecksumHeader.entryBytes(kind)) {
      flush();
    }
    pending.putLong(checksum.offset()).putInt(checksum.lengthBytes());
    checksum.sum().putInto(pending);
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
