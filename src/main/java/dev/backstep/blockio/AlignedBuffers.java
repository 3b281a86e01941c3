package dev.backstep.blockio;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;

/** Single direct buffers for direct I/O; for many of one size there is {@link BufferPool}. */
public final class AlignedBuffers {

  private AlignedBuffers() {}

  /**
   * @param length bytes, at least 1
   * @return a zeroed buffer of exactly that capacity, aligned to 4096 bytes, big endian; freed when
   *     it is not reachable any more
   */
  public static ByteBuffer allocate(int length) {
    return Arena.ofAuto().allocate(length, BufferPool.ALIGNMENT_BYTES).asByteBuffer();
  }
}
