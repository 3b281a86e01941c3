package dev.backstep.schedule;

import dev.backstep.domain.ScheduleDefinition;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * When a backup that a schedule asked for may run.
 *
 * @param at not before
 * @param stopAt the end of its window
 */
record Start(Instant at, Optional<Instant> stopAt) {

  /**
   * At the due time, or now where that is over, delayed by the jitter, in the window. A due time
   * outside of the window waits for the next one; jitter never leads out of it.
   */
  static Start of(ScheduleDefinition schedule, String vmName, Instant due, Instant now) {
    Duration jitter = jitter(schedule.jitter(), vmName, due);
    Instant base = due.isBefore(now) ? now : due;
    Optional<Opening> opening = Opening.atOrAfter(schedule, base);
    if (opening.isEmpty()) {
      return new Start(later(base, due.plus(jitter)), Optional.empty());
    }
    Instant end = opening.get().end();
    boolean open = opening.get().holds(base);
    Instant first = open ? base : opening.get().start();
    Instant delayed = open ? later(base, due.plus(jitter)) : first.plus(jitter);
    return new Start(delayed.isBefore(end) ? delayed : first, Optional.of(end));
  }

  /** The same each time that the same start is asked for. */
  private static Duration jitter(Duration most, String vmName, Instant due) {
    long seed = vmName.hashCode() * 1_000_003L + due.getEpochSecond();
    return Duration.ofMillis(new SplittableRandom(seed).nextLong(most.toMillis() + 1));
  }

  private static Instant later(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }
}
