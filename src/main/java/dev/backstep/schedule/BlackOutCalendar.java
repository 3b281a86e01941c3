package dev.backstep.schedule;

import dev.backstep.domain.ScheduleDefinition.Days;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.quartz.Calendar;

/**
 * Days on which nothing fires. Kept in the scheduler's store in serialized form, hence the plain
 * texts: neither a time zone's rules nor a class of ours are frozen there.
 */
final class BlackOutCalendar implements Calendar {

  private static final long serialVersionUID = 1L;

  private final String zone;

  /** First and last day in turn, in ISO 8601. */
  private final String[] days;

  private @Nullable String description;

  BlackOutCalendar(ZoneId zone, List<Days> blackOuts) {
    this.zone = zone.getId();
    this.days =
        blackOuts.stream()
            .flatMap(range -> List.of(range.first().toString(), range.last().toString()).stream())
            .toArray(String[]::new);
  }

  private BlackOutCalendar(BlackOutCalendar other) {
    this.zone = other.zone;
    this.days = other.days.clone();
    this.description = other.description;
  }

  @Override
  public boolean isTimeIncluded(long millis) {
    return getNextIncludedTime(millis - 1) == millis;
  }

  /** The time itself plus a millisecond, or where the black-out that it falls into ends. */
  @Override
  public long getNextIncludedTime(long millis) {
    Instant time = Instant.ofEpochMilli(millis + 1);
    ZoneId where = ZoneId.of(zone);
    LocalDate day = time.atZone(where).toLocalDate();
    LocalDate free = day;
    // Ranges may touch or overlap: until none is in the way any more.
    for (int index = 0; index < days.length; ) {
      boolean covered =
          !free.isBefore(LocalDate.parse(days[index]))
              && !free.isAfter(LocalDate.parse(days[index + 1]));
      free = covered ? LocalDate.parse(days[index + 1]).plusDays(1) : free;
      index = covered ? 0 : index + 2;
    }
    return free.equals(day) ? millis + 1 : free.atStartOfDay(where).toInstant().toEpochMilli();
  }

  @Override
  public void setBaseCalendar(@Nullable Calendar base) {
    if (base != null) {
      throw new UnsupportedOperationException("black-outs stand alone");
    }
  }

  @Override
  public @Nullable Calendar getBaseCalendar() {
    return null;
  }

  @Override
  public @Nullable String getDescription() {
    return description;
  }

  @Override
  public void setDescription(@Nullable String text) {
    description = text;
  }

  @Override
  public Object clone() {
    return new BlackOutCalendar(this);
  }
}
