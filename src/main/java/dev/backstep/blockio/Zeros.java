package dev.backstep.blockio;

import java.nio.ByteBuffer;

/** Finds clusters that hold nothing but zeros. Safe for use by many threads. */
public final class Zeros {

  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 16).asReadOnlyBuffer();

  private Zeros() {}

  /**
   * End of the leading clusters that are all zeros, or that are not, from {@code at} on, in bytes
   * from the buffer's begin. The last cluster may be cut by the buffer's limit.
   */
  public static int runEnd(ByteBuffer bytes, int at, int clusterBytes, boolean zero) {
    int end = at;
    while (end < bytes.limit()) {
      int clusterEnd = Math.min(end + clusterBytes, bytes.limit());
      if (isZero(bytes, end, clusterEnd) != zero) {
        break;
      }
      end = clusterEnd;
    }
    return end;
  }

  /**
   * Whether a range is all zeros. Most clusters that are not show it in their first or last bytes;
   * only the others are read through.
   *
   * @param from first byte, from the buffer's begin
   * @param to the byte behind the last one; greater than {@code from}
   */
  public static boolean isZero(ByteBuffer bytes, int from, int to) {
    if (bytes.get(from) != 0 || bytes.get(to - 1) != 0) {
      return false;
    }
    if (to - from >= 16 && (bytes.getLong(from) != 0 || bytes.getLong(to - 8) != 0)) {
      return false;
    }
    for (int at = from; at < to; at += ZEROS.capacity()) {
      int length = Math.min(ZEROS.capacity(), to - at);
      if (!MappedBytes.equal(bytes.slice(at, length), ZEROS.slice(0, length))) {
        return false;
      }
    }
    return true;
  }
}
