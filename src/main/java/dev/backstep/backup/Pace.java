package dev.backstep.backup;

import java.util.concurrent.TimeUnit;

/**
 * How many blocks make an item: what was copied lately in about ten milliseconds. A chunk then
 * takes long enough to be worth its transaction, and not so long that a stop has to wait. For one
 * thread.
 */
final class Pace {

  static final int BLOCKS_MAX = 8;

  private static final long ITEM_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private long since;
  private int copied;
  private int blocks = 1;

  Pace(long nanoTime) {
    this.since = nanoTime;
  }

  /** Tells that a block was copied. */
  void copied() {
    copied++;
  }

  /** The size of the next item; it changes only when something was copied since the last one. */
  int blocks(long nanoTime) {
    if (copied > 0) {
      long nanos = Math.max(1, nanoTime - since);
      blocks = Math.clamp(copied * ITEM_NANOS / nanos, 1, BLOCKS_MAX);
      copied = 0;
      since = nanoTime;
    }
    return blocks;
  }
}
