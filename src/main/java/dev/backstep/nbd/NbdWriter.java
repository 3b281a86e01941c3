package dev.backstep.nbd;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Writes an export over one connection, many requests in flight. Offsets must be multiples of the
 * export's smallest block; a length that is none is filled up with zeros, which needs an export
 * that reaches so far. Thread-safe.
 */
public final class NbdWriter implements Closeable {

  private static final int REQUEST_BYTES_MAX = 1 << 20;
  private static final long ZEROS_BYTES_MAX = 1L << 30;

  private final NbdConnection connection;
  private final NbdExport export;

  private NbdWriter(NbdConnection connection) {
    this.connection = connection;
    this.export = connection.export();
  }

  /**
   * @throws NbdException when the server cannot be reached, refuses, or is read-only
   */
  public static NbdWriter open(NbdUri uri) throws IOException {
    NbdConnection connection = NbdConnection.open(uri, List.of(), NbdConnection.STALL_DEFAULT);
    if (connection.export().readOnly()) {
      connection.close();
      throw new NbdException(NbdException.Kind.REFUSED, uri + ": the export is read-only");
    }
    return new NbdWriter(connection);
  }

  /**
   * Reads the same export by the same connection, so that servers of one client are enough.
   *
   * @param blocksInFlight how many blocks may be held at once
   * @return to be closed before this
   */
  public NbdReader reader(int blocksInFlight) {
    return NbdReader.by(connection, blocksInFlight);
  }

  public long sizeBytes() {
    return export.sizeBytes();
  }

  /**
   * Begins to write all remaining bytes.
   *
   * @param bytes untouched by the caller until the future is done
   */
  public CompletableFuture<Void> write(long offset, ByteBuffer bytes) throws IOException {
    ByteBuffer whole = filledUp(bytes);
    int most = Math.min(REQUEST_BYTES_MAX, export.payloadBytesMax());
    most = Math.max(1, most / export.blockBytesMin()) * export.blockBytesMin();
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    int length = whole.remaining();
    for (int at = 0; at < length; at += most) {
      ByteBuffer part = whole.slice(whole.position() + at, Math.min(most, length - at));
      parts.add(connection.write(offset + at, part));
    }
    return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new));
  }

  private ByteBuffer filledUp(ByteBuffer bytes) {
    int block = export.blockBytesMin();
    int rest = bytes.remaining() % block;
    if (rest == 0) {
      return bytes;
    }
    ByteBuffer filled = ByteBuffer.allocateDirect(bytes.remaining() + block - rest);
    return filled.put(bytes.duplicate()).clear();
  }

  /** Begins to make a range read as zeros. */
  public CompletableFuture<Void> zero(long offset, long length) throws IOException {
    int block = export.blockBytesMin();
    long whole = Math.ceilDiv(length, block) * block;
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    long most = export.writesZeros() ? ZEROS_BYTES_MAX : REQUEST_BYTES_MAX;
    for (long at = 0; at < whole; at += most) {
      long count = Math.min(most, whole - at);
      parts.add(
          export.writesZeros()
              ? connection.writeZeros(offset + at, count)
              : write(offset + at, ByteBuffer.allocateDirect((int) count)));
    }
    return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new));
  }

  /**
   * Makes durable what was written; to be called when those futures are done. A server that cannot
   * is taken to be durable by itself, as the protocol has it.
   */
  public void flush() throws IOException {
    if (export.flushes()) {
      await(connection.flush());
    }
  }

  /** Waits for a request of this writer. */
  public static void await(CompletableFuture<Void> request) throws IOException {
    try {
      request.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    }
  }

  @Override
  public void close() {
    connection.close();
  }
}
