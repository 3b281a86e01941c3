package dev.backstep.schedule;

import dev.backstep.domain.ScheduleDefinition;
import java.text.ParseException;
import java.time.Instant;

/** When the scheduler starts backups, for tests of other packages. */
public final class FireTimes {

  private FireTimes() {}

  /** The first start of a schedule after a time. */
  public static Instant next(ScheduleDefinition schedule, Instant after) throws ParseException {
    return Timetable.next(schedule, after).orElseThrow();
  }
}
