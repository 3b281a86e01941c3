package dev.backstep.qcow2;

import dev.backstep.blockio.Block;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Counts who still needs a block, beginning with one, and closes it when nobody does. Thread-safe.
 */
final class BlockUse {

  private final @Nullable Block block;
  private final AtomicInteger users = new AtomicInteger(1);

  /**
   * @param block null where there is nothing to close
   */
  BlockUse(@Nullable Block block) {
    this.block = block;
  }

  void begin() {
    users.incrementAndGet();
  }

  void done() {
    if (users.decrementAndGet() == 0 && block != null) {
      block.close();
    }
  }
}
