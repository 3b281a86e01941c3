package dev.backstep.blockio;

import dev.backstep.domain.ByteRange;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** A block whose ranges lie one behind the other in one buffer of a pool. */
public final class PooledBlock implements Block {

  private final BufferPool pool;
  private final ByteBuffer buffer;
  private final List<ByteRange> ranges;
  private final int[] starts;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * Takes a buffer from the pool, waiting while all are out.
   *
   * @param ranges together at most {@link BlockReader#BLOCK_BYTES_MAX} bytes
   */
  public PooledBlock(BufferPool pool, List<ByteRange> ranges) {
    this.ranges = List.copyOf(ranges);
    this.starts = new int[ranges.size()];
    int at = 0;
    for (int i = 0; i < starts.length; i++) {
      starts[i] = at;
      at += Math.toIntExact(this.ranges.get(i).length());
    }
    this.pool = pool;
    this.buffer = pool.acquire();
  }

  @Override
  public List<ByteRange> ranges() {
    return ranges;
  }

  @Override
  public ByteBuffer bytes(int index) {
    return buffer.slice(starts[index], Math.toIntExact(ranges.get(index).length()));
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      pool.release(buffer);
    }
  }
}
