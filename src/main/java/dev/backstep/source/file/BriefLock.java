package dev.backstep.source.file;

import dev.backstep.source.SourceException;
import java.time.Duration;

/**
 * Locks that end by themselves: a {@code qemu-img} that outlived the process that called it keeps
 * its image for a moment. Whoever holds one for longer is another program.
 */
final class BriefLock {

  private static final Duration PATIENCE = Duration.ofSeconds(3);
  private static final Duration PAUSE = Duration.ofMillis(50);

  private BriefLock() {}

  /** What changes nothing when the image is locked. */
  interface Attempt<T> {
    T make() throws SourceException;
  }

  /**
   * Makes attempts for some seconds while the image is locked.
   *
   * @throws SourceException as the attempt; {@link SourceException.Kind#LOCKED} when it still is
   *     after that time
   */
  static <T> T outlast(Attempt<T> attempt) throws SourceException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return attempt.make();
      } catch (SourceException e) {
        if (e.kind() != SourceException.Kind.LOCKED || System.nanoTime() - end >= 0) {
          throw e;
        }
        pause(e);
      }
    }
  }

  private static void pause(SourceException locked) throws SourceException {
    try {
      Thread.sleep(PAUSE);
    } catch (InterruptedException e) {
      locked.addSuppressed(e);
      throw locked;
    }
  }
}
