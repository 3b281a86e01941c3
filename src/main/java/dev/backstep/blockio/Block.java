package dev.backstep.blockio;

import dev.backstep.domain.ByteRange;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Bytes read from a disk: one or more ranges, each with its own direct buffer. Closing gives the
 * memory back; the buffers must not be touched afterwards.
 */
public interface Block extends AutoCloseable {

  /** The ranges, as they were asked for. */
  List<ByteRange> ranges();

  /**
   * The bytes of range {@code index}: position 0, limit the range's length. A fresh view for each
   * call.
   */
  ByteBuffer bytes(int index);

  /** How many bytes all ranges have. */
  default long lengthBytes() {
    return ranges().stream().mapToLong(ByteRange::length).sum();
  }

  /** Gives the memory back; calling it again does nothing. */
  @Override
  void close();
}
