package dev.backstep.blockio;

import java.io.Closeable;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Semaphore;

/**
 * A bounded number of direct buffers of {@link BlockReader#BLOCK_BYTES_MAX} bytes, aligned for
 * direct I/O and made when first needed. Thread-safe.
 */
public final class BufferPool implements Closeable {

  /** Alignment of each buffer in bytes: what direct I/O asks for on every common device. */
  public static final int ALIGNMENT_BYTES = 4096;

  private final Arena arena = Arena.ofShared();
  private final Semaphore free;
  private final Deque<ByteBuffer> idle = new ArrayDeque<>();
  private final List<SpareMemory.Piece> pieces = new ArrayList<>();
  private int out;
  private boolean closed;

  /**
   * @param buffers how many buffers there are, at least 1
   */
  public BufferPool(int buffers) {
    this.free = new Semaphore(buffers);
  }

  /**
   * Takes a buffer, waiting while all are out.
   *
   * @return a buffer of full capacity, position 0; its content is undefined
   * @throws IllegalStateException when the pool is closed
   */
  public ByteBuffer acquire() {
    free.acquireUninterruptibly();
    synchronized (this) {
      if (closed) {
        free.release();
        throw new IllegalStateException("the buffer pool is closed");
      }
      out++;
      ByteBuffer buffer = idle.poll();
      return buffer != null ? buffer.clear() : more();
    }
  }

  /** Whoever keeps it past the pool's end is refused, whoever has the memory then. */
  private ByteBuffer more() {
    SpareMemory.Piece piece = SpareMemory.take();
    pieces.add(piece);
    return piece.until(arena).asByteBuffer();
  }

  /**
   * Gives a buffer back; the caller must not touch it, or a view of it, any more.
   *
   * @param buffer what {@link #acquire} returned
   */
  public void release(ByteBuffer buffer) {
    synchronized (this) {
      out--;
      idle.push(buffer);
      freeWhenUnused();
    }
    free.release();
  }

  /** Leaves the memory to other pools once the last buffer is back. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      freeWhenUnused();
    }
  }

  private void freeWhenUnused() {
    if (closed && out == 0) {
      idle.clear();
      arena.close();
      pieces.forEach(SpareMemory::giveBack);
      pieces.clear();
    }
  }
}
