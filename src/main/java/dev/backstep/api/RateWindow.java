package dev.backstep.api;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** How fast a disk has been copied lately. For one thread. */
final class RateWindow {

  private static final long NANOS_MAX = 10_000_000_000L;
  private static final long SECOND_NANOS = 1_000_000_000L;

  private record Sample(long atNanos, long bytes) {}

  private final Deque<Sample> samples = new ArrayDeque<>();

  /**
   * @param bytes done by now; less than before when the disk is begun anew
   * @return bytes per second over the last ten seconds; null until that can be said
   */
  @Nullable Long add(long atNanos, long bytes) {
    Sample last = samples.peekLast();
    if (last != null && bytes < last.bytes()) {
      samples.clear();
    }
    samples.addLast(new Sample(atNanos, bytes));
    while (samples.size() > 2 && atNanos - samples.getFirst().atNanos() > NANOS_MAX) {
      samples.removeFirst();
    }
    Sample first = samples.getFirst();
    long nanos = atNanos - first.atNanos();
    return nanos == 0 ? null : Math.round((bytes - first.bytes()) * (double) SECOND_NANOS / nanos);
  }
}
