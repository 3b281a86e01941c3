package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.util.concurrent.locks.LockSupport;

/** Waiting between two questions. */
final class Pauses {

  private Pauses() {}

  /**
   * @throws SourceException when the thread was interrupted, which nothing of ours does
   */
  static void pause(long millis) throws SourceException {
    long end = System.nanoTime() + millis * 1_000_000;
    for (long left = millis * 1_000_000; left > 0; left = end - System.nanoTime()) {
      if (Thread.currentThread().isInterrupted()) {
        throw new SourceException(SourceException.Kind.UNREACHABLE, "interrupted while it waited");
      }
      LockSupport.parkNanos(left);
    }
  }
}
