package dev.backstep.nbd;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.BufferPool;
import dev.backstep.blockio.PooledBlock;
import dev.backstep.blockio.Ranges;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** Reads an export over one or several connections. */
public final class NbdReader implements BlockReader {

  /**
   * Bytes a request at most: a server copies each answer through a buffer, and a small one stays in
   * the processor's cache.
   */
  private static final int REQUEST_BYTES_MAX = 512 << 10;

  private final List<NbdConnection> connections;
  private final boolean ownsConnections;
  private final NbdExport export;
  private final BufferPool pool;
  private final Set<CompletableFuture<Block>> inFlight = ConcurrentHashMap.newKeySet();
  private int next;
  private boolean closed;

  private NbdReader(List<NbdConnection> connections, boolean ownsConnections, int blocksInFlight) {
    this.connections = connections;
    this.ownsConnections = ownsConnections;
    this.export = connections.getFirst().export();
    this.pool = new BufferPool(blocksInFlight);
  }

  /**
   * @param connectionsMax connections to use where the server lets several show one disk, at least
   *     1
   * @param blocksInFlight how many blocks may be held at once
   */
  public static NbdReader open(NbdUri uri, int connectionsMax, int blocksInFlight)
      throws IOException {
    Duration stall = NbdConnection.STALL_DEFAULT;
    List<NbdConnection> connections = new ArrayList<>();
    try {
      connections.add(NbdConnection.open(uri, List.of(), stall));
      while (connections.size() < connectionsMax && connections.getFirst().export().multiConn()) {
        connections.add(NbdConnection.open(uri, List.of(), stall));
      }
      return new NbdReader(List.copyOf(connections), true, blocksInFlight);
    } catch (IOException | RuntimeException e) {
      connections.forEach(NbdConnection::close);
      throw e;
    }
  }

  /** A reader by a connection that stays when it is closed. */
  static NbdReader by(NbdConnection connection, int blocksInFlight) {
    return new NbdReader(List.of(connection), false, blocksInFlight);
  }

  @Override
  public long sizeBytes() {
    return export.sizeBytes();
  }

  @Override
  public CompletableFuture<Block> read(List<ByteRange> ranges) throws IOException {
    if (closed) {
      throw new IOException("the reader of the export is closed");
    }
    Ranges.check(ranges, sizeBytes());
    for (ByteRange range : ranges) {
      if (range.offset() % export.blockBytesMin() != 0
          || range.length() % export.blockBytesMin() != 0) {
        throw new IllegalArgumentException(
            range + " is not made of the server's blocks of " + export.blockBytesMin() + " bytes");
      }
    }
    PooledBlock block = new PooledBlock(pool, ranges);
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    try {
      for (int i = 0; i < ranges.size(); i++) {
        request(ranges.get(i).offset(), block.bytes(i), parts);
      }
    } catch (IOException | RuntimeException e) {
      parts.add(CompletableFuture.failedFuture(e));
    }
    // Every part must be over before the memory goes back, also when one of them fails.
    CompletableFuture<Block> result =
        CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new))
            .handle((done, failure) -> {
              if (failure == null) {
                return CompletableFuture.<Block>completedFuture(block);
              }
              block.close();
              Throwable cause = failure.getCause() == null ? failure : failure.getCause();
              return CompletableFuture.<Block>failedFuture(cause);
            })
            .thenCompose(Function.identity());
    inFlight.add(result);
    result.whenComplete((done, failure) -> inFlight.remove(result));
    return result;
  }

  private void request(long offset, ByteBuffer bytes, List<CompletableFuture<Void>> parts)
      throws IOException {
    int wanted = Math.min(REQUEST_BYTES_MAX, export.payloadBytesMax());
    int most = Math.max(1, wanted / export.blockBytesMin()) * export.blockBytesMin();
    for (int at = 0; at < bytes.limit(); at += most) {
      int length = Math.min(most, bytes.limit() - at);
      NbdConnection connection = connections.get(next++ % connections.size());
      parts.add(connection.read(offset + at, bytes.slice(at, length)));
    }
  }

  @Override
  public void close() {
    closed = true;
    for (CompletableFuture<Block> read : List.copyOf(inFlight)) {
      read.exceptionally(failure -> null).join(); // its owner is told of the failure
    }
    if (ownsConnections) {
      connections.forEach(NbdConnection::close);
    }
    pool.close();
  }
}
