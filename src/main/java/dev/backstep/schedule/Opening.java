package dev.backstep.schedule;

import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.ScheduleDefinition.Window;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.Optional;

/**
 * One night's window.
 *
 * @param end the first moment after it
 */
record Opening(Instant start, Instant end) {

  /** The opening that holds a moment, else the next one; empty when a schedule has no window. */
  static Optional<Opening> atOrAfter(ScheduleDefinition schedule, Instant time) {
    return schedule.window().map(window -> atOrAfter(window, schedule.zone(), time));
  }

  private static Opening atOrAfter(Window window, ZoneId zone, Instant time) {
    LocalDate day = time.atZone(zone).toLocalDate().minusDays(1);
    while (true) {
      Opening opening = of(window, zone, day);
      // Clocks that go forward over both ends leave nothing of it.
      if (opening.end.isAfter(time) && opening.end.isAfter(opening.start)) {
        return opening;
      }
      day = day.plusDays(1);
    }
  }

  private static Opening of(Window window, ZoneId zone, LocalDate day) {
    LocalDate last = window.to().isAfter(window.from()) ? day : day.plusDays(1);
    return new Opening(
        day.atTime(window.from()).atZone(zone).toInstant(),
        last.atTime(window.to()).atZone(zone).toInstant());
  }

  boolean holds(Instant time) {
    return !time.isBefore(start) && time.isBefore(end);
  }
}
