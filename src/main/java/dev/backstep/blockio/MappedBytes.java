package dev.backstep.blockio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * Looks at bytes that may be pages of a mapped file, which somebody may cut at any moment. The JVM
 * survives its own access to a page that is gone with an {@link InternalError}; code beside it, the
 * JDK's for checksums and comparisons included, ends the whole process. So such bytes are copied on
 * the way, a little at a time; others are looked at where they are. Thread-safe.
 */
public final class MappedBytes {

  /** Small enough to be looked at while it is still in the processor's innermost cache. */
  private static final int PIECE_BYTES = 1 << 11;

  /** How many bytes around a touched one the kernel maps as well, those that it has in memory. */
  private static final int FAULT_AROUND_BYTES = 1 << 16;

  /** What nobody needs: a compiler leaves out reading of which nothing comes. */
  private static volatile byte touched;

  private static final ThreadLocal<ByteBuffer> PIECE =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(PIECE_BYTES));
  private static final ThreadLocal<ByteBuffer> OTHER =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(PIECE_BYTES));

  private MappedBytes() {}

  /**
   * Has the pages of mapped memory read, and mapped for all that comes later: a byte of each
   * neighbourhood is looked at. That finds most pages that are gone, and not all.
   *
   * @throws InternalError when the file was cut, or cannot be read
   */
  static void touch(MemorySegment memory) {
    byte seen = 0;
    for (long at = 0; at < memory.byteSize(); at += FAULT_AROUND_BYTES) {
      seen ^= memory.get(ValueLayout.JAVA_BYTE, at);
    }
    touched = seen;
  }

  /**
   * Hands over the bytes from position to limit, which are equal then, as direct memory that nobody
   * can cut.
   *
   * @param taker sees each piece once, in order, and reads it whole before it returns
   * @throws InternalError when the file was cut
   */
  static void each(ByteBuffer bytes, Consumer<ByteBuffer> taker) {
    if (bytes.isDirect() && !isMapped(bytes)) {
      taker.accept(bytes);
      return;
    }
    while (bytes.hasRemaining()) {
      int length = Math.min(PIECE_BYTES, bytes.remaining());
      taker.accept(copy(bytes, bytes.position(), length, PIECE.get()));
      bytes.position(bytes.position() + length);
    }
  }

  /**
   * Whether two buffers hold the same from position to limit, which stay as they are.
   *
   * @throws InternalError when a file was cut
   */
  public static boolean equal(ByteBuffer one, ByteBuffer other) {
    boolean oneMapped = isMapped(one);
    boolean otherMapped = isMapped(other);
    if (!oneMapped && !otherMapped || one.remaining() != other.remaining()) {
      return one.mismatch(other) < 0;
    }
    int length;
    for (int at = 0; at < one.remaining(); at += length) {
      length = Math.min(PIECE_BYTES, one.remaining() - at);
      ByteBuffer first = part(one, at, length, oneMapped, PIECE.get());
      if (first.mismatch(part(other, at, length, otherMapped, OTHER.get())) >= 0) {
        return false;
      }
    }
    return true;
  }

  private static ByteBuffer part(
      ByteBuffer bytes, int at, int length, boolean mapped, ByteBuffer piece) {
    int from = bytes.position() + at;
    return mapped ? copy(bytes, from, length, piece) : bytes.slice(from, length);
  }

  private static ByteBuffer copy(ByteBuffer bytes, int from, int length, ByteBuffer piece) {
    return piece.clear().put(0, bytes, from, length).limit(length);
  }

  private static boolean isMapped(ByteBuffer bytes) {
    return bytes.isDirect() && MemorySegment.ofBuffer(bytes).isMapped();
  }
}
