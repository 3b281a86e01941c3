package dev.backstep.schedule;

import dev.backstep.domain.ScheduleDefinition;
import java.text.ParseException;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.quartz.Calendar;

/** When a schedule fires. Thread-safe. */
final class Timetable {

  /** A schedule all of whose times are blacked out has no next one. */
  private static final int TRIES_MAX = 10_000;

  private final Function<Instant, Optional<Instant>> cron;

  private Timetable(Function<Instant, Optional<Instant>> cron) {
    this.cron = cron;
  }

  /**
   * @throws ParseException when Quartz refuses the cron expression
   */
  static Timetable of(ScheduleDefinition schedule) throws ParseException {
    return new Timetable(new LocalCron(schedule.cron(), schedule.zone())::after);
  }

  /**
   * Without the starts that Quartz leaves out when clocks go forward.
   *
   * @throws ParseException when Quartz refuses the cron expression
   */
  static Timetable plain(ScheduleDefinition schedule) throws ParseException {
    return new Timetable(new LocalCron(schedule.cron(), schedule.zone())::plainAfter);
  }

  /** The first time after this one that is not blacked out. */
  static Optional<Instant> next(ScheduleDefinition schedule, Instant after) throws ParseException {
    return of(schedule).after(after, calendar(schedule));
  }

  /** The black-outs of a schedule, if it has any. */
  static @Nullable Calendar calendar(ScheduleDefinition schedule) {
    return schedule.blackOuts().isEmpty()
        ? null
        : new BlackOutCalendar(schedule.zone(), schedule.blackOuts());
  }

  /**
   * The first time after this one that the calendar lets through.
   *
   * @return empty when there is none
   */
  Optional<Instant> after(Instant time, @Nullable Calendar calendar) {
    Optional<Instant> next = cron.apply(time);
    for (int tries = 0; calendar != null && next.isPresent(); tries++) {
      long due = next.get().toEpochMilli();
      if (calendar.isTimeIncluded(due)) {
        return next;
      }
      next =
          tries == TRIES_MAX
              ? Optional.empty()
              : cron.apply(Instant.ofEpochMilli(calendar.getNextIncludedTime(due) - 1));
    }
    return next;
  }
}
