package dev.backstep.testing;

import dev.backstep.blockio.AlignedBuffers;
import dev.backstep.blockio.Block;
import dev.backstep.domain.ByteRange;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A block that copies what it shows, aligned as readers align it, and knows whether it was closed.
 */
public final class HeapBlock implements Block {

  private final List<ByteRange> ranges;
  private final List<ByteBuffer> bytes = new ArrayList<>();
  private volatile boolean closed;

  /** The ranges of a disk whose content is an array. */
  public HeapBlock(byte[] disk, List<ByteRange> ranges) {
    this.ranges = List.copyOf(ranges);
    for (ByteRange range : ranges) {
      int length = (int) range.length();
      bytes.add(AlignedBuffers.allocate(length).put(0, disk, (int) range.offset(), length));
    }
  }

  @Override
  public List<ByteRange> ranges() {
    return ranges;
  }

  @Override
  public ByteBuffer bytes(int index) {
    if (closed) {
      throw new IllegalStateException("used after close");
    }
    return bytes.get(index).duplicate();
  }

  /** What is used later shows: the memory may be anybody's. */
  @Override
  public void close() {
    closed = true;
    bytes.forEach(part -> MemorySegment.ofBuffer(part).fill((byte) 0xee));
  }

  public boolean isClosed() {
    return closed;
  }
}
