package dev.backstep.nbd;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request that is waiting for its answer. Touched by the reply thread only, once it is sent.
 */
abstract sealed class Exchange {

  /** What is sent behind the request; empty but for writes. */
  final ByteBuffer payload;

  Exchange(ByteBuffer payload) {
    this.payload = payload;
  }

  /** The first error that the server told of this request. */
  @Nullable NbdException error;

  abstract void succeed();

  abstract void fail(Throwable failure);

  /** A read; the answer goes straight into the caller's buffer. */
  static final class Read extends Exchange {
    final long offset;
    final int length;
    final ByteBuffer target;
    final CompletableFuture<Void> result = new CompletableFuture<>();
    private final NavigableMap<Long, Long> filled = new TreeMap<>();
    private int filledBytes;

    Read(long offset, ByteBuffer target) {
      super(ByteBuffer.allocate(0));
      this.offset = offset;
      this.length = target.remaining();
      this.target = target;
    }

    /**
     * The part of the buffer that a chunk fills.
     *
     * @throws NbdProtocolException when the chunk lies outside the request or overlaps another one
     */
    ByteBuffer part(long at, long count) throws NbdProtocolException {
      if (at < offset || count < 1 || count > length || at - offset > length - count) {
        throw new NbdProtocolException(
            "reply: data for byte "
                + at
                + " of "
                + count
                + " bytes, but bytes "
                + offset
                + " to "
                + (offset + length)
                + " were asked for");
      }
      Map.Entry<Long, Long> before = filled.lowerEntry(at + count);
      if (before != null && before.getValue() > at) {
        // Else the same bytes sent twice would hide others that never came.
        throw new NbdProtocolException(
            "reply: data for byte " + at + " of " + count + " bytes came before, in part or whole");
      }
      filled.put(at, at + count);
      filledBytes += (int) count;
      return target.slice(target.position() + (int) (at - offset), (int) count);
    }

    boolean isFilled() {
      return filledBytes == length;
    }

    @Override
    void succeed() {
      result.complete(null);
    }

    @Override
    void fail(Throwable failure) {
      result.completeExceptionally(failure);
    }
  }

  /** A request that is answered by success or failure alone. */
  static final class Order extends Exchange {
    final CompletableFuture<Void> result = new CompletableFuture<>();

    Order(ByteBuffer payload) {
      super(payload);
    }

    @Override
    void succeed() {
      result.complete(null);
    }

    @Override
    void fail(Throwable failure) {
      result.completeExceptionally(failure);
    }
  }

  /** A block status request. */
  static final class Status extends Exchange {

    /** Length and flags of an extent. */
    record Extent(long length, int flags) {}

    final Map<Integer, List<Extent>> extents = new HashMap<>();
    final CompletableFuture<Map<Integer, List<Extent>>> result = new CompletableFuture<>();

    Status() {
      super(ByteBuffer.allocate(0));
    }

    /**
     * @throws NbdProtocolException when a context answers twice, or an extent is empty
     */
    void add(int context, ByteBuffer chunk) throws NbdProtocolException {
      List<Extent> list = new ArrayList<>();
      while (chunk.hasRemaining()) {
        long length = chunk.getInt() & 0xffffffffL;
        if (length == 0) {
          throw new NbdProtocolException("reply: a block status extent of no length");
        }
        list.add(new Extent(length, chunk.getInt()));
      }
      if (list.isEmpty() || extents.put(context, list) != null) {
        throw new NbdProtocolException(
            "reply: block status of context " + context + " came empty or twice");
      }
    }

    @Override
    void succeed() {
      result.complete(extents);
    }

    @Override
    void fail(Throwable failure) {
      result.completeExceptionally(failure);
    }
  }
}
