package dev.backstep.blockio;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Memory that closed pools have left for the next ones, so that not every disk of every backup has
 * its buffers mapped and zeroed anew; a bounded part of it for the whole process. Thread-safe.
 */
final class SpareMemory {

  /** 80 MiB: what an incremental of a few disks takes. */
  static final int KEPT_MAX = 40;

  private static final Deque<Piece> SPARE = new ArrayDeque<>();

  private SpareMemory() {}

  /** Memory of {@link BlockReader#BLOCK_BYTES_MAX} bytes; its content is undefined. */
  static final class Piece {

    private final MemorySegment memory = HugePages.map(BlockReader.BLOCK_BYTES_MAX);

    /** The memory until another arena is closed. */
    MemorySegment until(Arena end) {
      return memory.reinterpret(end, null);
    }

    private void free() {
      HugePages.unmap(memory);
    }
  }

  static Piece take() {
    synchronized (SPARE) {
      Piece spare = SPARE.poll();
      if (spare != null) {
        return spare;
      }
    }
    return new Piece();
  }

  /** Nothing may read or write it any more. */
  static void giveBack(Piece piece) {
    synchronized (SPARE) {
      if (SPARE.size() < KEPT_MAX) {
        SPARE.push(piece);
        return;
      }
    }
    piece.free();
  }

  static int kept() {
    synchronized (SPARE) {
      return SPARE.size();
    }
  }
}
