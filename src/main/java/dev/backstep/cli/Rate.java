package dev.backstep.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/** How fast a number of bytes grows, over the last seconds. */
final class Rate {

  private static final Duration WINDOW = Duration.ofSeconds(10);

  private record Sample(Instant at, long bytes) {}

  private final Deque<Sample> samples = new ArrayDeque<>();

  /** A number that went back, as after a redo, starts the measurement again. */
  void add(Instant at, long bytes) {
    if (!samples.isEmpty() && samples.getLast().bytes() > bytes) {
      samples.clear();
    }
    samples.addLast(new Sample(at, bytes));
    while (samples.size() > 2 && samples.getFirst().at().isBefore(at.minus(WINDOW))) {
      samples.removeFirst();
    }
  }

  /** Empty until two moments are known. */
  Optional<Long> bytesPerSecond() {
    if (samples.isEmpty()) {
      return Optional.empty();
    }
    long millis = Duration.between(samples.getFirst().at(), samples.getLast().at()).toMillis();
    long bytes = samples.getLast().bytes() - samples.getFirst().bytes();
    return millis <= 0 ? Optional.empty() : Optional.of(Math.round(bytes * 1000.0 / millis));
  }

  /** How long the rest takes at this rate; empty when nobody can tell. */
  Optional<Duration> left(long bytes) {
    return bytesPerSecond()
        .filter(rate -> rate > 0)
        .map(rate -> Duration.ofSeconds(Math.ceilDiv(bytes, rate)));
  }
}
