package dev.backstep.schedule;

import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.util.Date;
import java.util.Optional;
import java.util.TimeZone;
import org.jspecify.annotations.Nullable;
import org.quartz.CronExpression;

/**
 * A Quartz cron expression in a time zone, with each night in it. When clocks go forward, Quartz
 * leaves out what is due in the hour that does not exist; here it is due at the hour's end, unless
 * another time soon after is due anyway. When clocks go back, a time that exists twice is due once,
 * the second time it comes. Thread-safe.
 */
final class LocalCron {

  /**
   * An expression that has no further time may still have one in a gap; for so long it is looked.
   */
  private static final Duration GAPS_LOOKED_FOR = Duration.ofDays(3 * 366L);

  private final CronExpression local;
  private final CronExpression utc;
  private final ZoneId zone;

  /**
   * @throws ParseException when it is no such expression
   */
  LocalCron(String cron, ZoneId zone) throws ParseException {
    this.local = new CronExpression(cron);
    this.local.setTimeZone(TimeZone.getTimeZone(zone));
    this.utc = new CronExpression(cron);
    this.utc.setTimeZone(TimeZone.getTimeZone(ZoneOffset.UTC));
    this.zone = zone;
  }

  /**
   * When an expression of a job definition that was read is due next after a moment; empty when it
   * never is.
   */
  static Optional<Instant> after(String cron, ZoneId zone, Instant time) {
    try {
      return new LocalCron(cron, zone).after(time);
    } catch (ParseException e) {
      throw new IllegalStateException("'" + cron + "' was accepted before", e);
    }
  }

  /** The next time after this one, in whole seconds; empty when there is none. */
  Optional<Instant> after(Instant time) {
    Instant plain = next(local, time);
    Optional<Instant> gap =
        gapAfter(time, plain == null ? time.plus(GAPS_LOOKED_FOR) : plain.minusMillis(1));
    return gap.or(() -> Optional.ofNullable(plain));
  }

  /** As Quartz has it, without the starts that fall into a gap. */
  Optional<Instant> plainAfter(Instant time) {
    return Optional.ofNullable(next(local, time));
  }

  /** The first end of a gap at which a start is due, after one time and up to another. */
  Optional<Instant> gapAfter(Instant time, Instant end) {
    ZoneOffsetTransition change = zone.getRules().nextTransition(time);
    while (change != null && !change.getInstant().isAfter(end)) {
      if (change.isGap() && swallows(change) && !isMadeUpFor(change)) {
        return Optional.of(change.getInstant());
      }
      change = zone.getRules().nextTransition(change.getInstant());
    }
    return Optional.empty();
  }

  /** Whether a time is due in the local times that a change of clocks leaves out. */
  private boolean swallows(ZoneOffsetTransition gap) {
    Instant first = gap.getDateTimeBefore().toInstant(ZoneOffset.UTC);
    Instant end = gap.getDateTimeAfter().toInstant(ZoneOffset.UTC);
    Instant due = next(utc, first.minusSeconds(1));
    return due != null && due.isBefore(end);
  }

  /** Whether a start is due at the gap's end, or soon after, anyway. */
  private boolean isMadeUpFor(ZoneOffsetTransition gap) {
    Instant end = gap.getInstant();
    Instant plain = next(local, end.minusMillis(1));
    return plain != null && !plain.isAfter(end.plus(gap.getDuration()));
  }

  private static @Nullable Instant next(CronExpression cron, Instant time) {
    Date next = cron.getTimeAfter(Date.from(time));
    return next == null ? null : next.toInstant();
  }
}
