package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BufferPoolTests {

  @Test
  void memoryOfAClosedPoolIsTheNextOnes() {
    BufferPool first = new BufferPool(1);
    ByteBuffer buffer = first.acquire();
    long address = MemorySegment.ofBuffer(buffer).address();
    first.release(buffer);
    first.close();

    try (BufferPool second = new BufferPool(1)) {
      ByteBuffer again = second.acquire();
      assertThat(MemorySegment.ofBuffer(again).address()).isEqualTo(address);
      assertThat(again.capacity()).isEqualTo(BlockReader.BLOCK_BYTES_MAX);
      second.release(again);
    }
  }

  @Test
  void bufferThatIsKeptPastItsPoolIsRefused() {
    BufferPool pool = new BufferPool(1);
    ByteBuffer kept = pool.acquire();
    ByteBuffer part = kept.slice(512, 512);
    pool.release(kept);
    pool.close();

    assertThatThrownBy(() -> kept.put(0, (byte) 1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> part.get(0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void memoryIsKeptWhileABufferIsOut() {
    BufferPool pool = new BufferPool(2);
    ByteBuffer out = pool.acquire();
    pool.close();

    try (BufferPool other = new BufferPool(1)) {
      ByteBuffer others = other.acquire();
      assertThat(MemorySegment.ofBuffer(others).address())
          .isNotEqualTo(MemorySegment.ofBuffer(out).address());
      other.release(others);
    }
    out.put(0, (byte) 1);
    pool.release(out);
  }

  @Test
  void noMoreIsKeptThanForAFewDisks() {
    try (BufferPool pool = new BufferPool(SpareMemory.KEPT_MAX + 3)) {
      List<ByteBuffer> all = new ArrayList<>();
      for (int i = 0; i < SpareMemory.KEPT_MAX + 3; i++) {
        all.add(pool.acquire());
      }
      all.forEach(pool::release);
    }

    assertThat(SpareMemory.kept()).isEqualTo(SpareMemory.KEPT_MAX);
  }
}
