package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.ScheduleDefinition.Days;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TimetableTests {

  private static final ZoneId TOKYO = ZoneId.of("Asia/Tokyo");

  private static BlackOutCalendar christmas() {
    return new BlackOutCalendar(
        TOKYO, List.of(days("2026-12-24", "2026-12-25"), days("2026-12-26", "2026-12-26")));
  }

  private static Days days(String first, String last) {
    return new Days(LocalDate.parse(first), LocalDate.parse(last));
  }

  @Test
  void blackedOutDaysAreThoseOfTheZone() {
    BlackOutCalendar calendar = christmas();

    // 00:00 on the 24th in Tokyo is 15:00 on the 23rd in UTC.
    assertThat(calendar.isTimeIncluded(millis("2026-12-23T14:59:59.999Z"))).isTrue();
    assertThat(calendar.isTimeIncluded(millis("2026-12-23T15:00:00Z"))).isFalse();
    assertThat(calendar.isTimeIncluded(millis("2026-12-26T14:59:59.999Z"))).isFalse();
    assertThat(calendar.isTimeIncluded(millis("2026-12-26T15:00:00Z"))).isTrue();
  }

  @Test
  void nextIncludedTimeIsBehindTouchingBlackOuts() {
    assertThat(christmas().getNextIncludedTime(millis("2026-12-24T00:00:00Z")))
        .isEqualTo(millis("2026-12-26T15:00:00Z"));
    assertThat(christmas().getNextIncludedTime(5)).isEqualTo(6);
  }

  @Test
  void startsOnBlackedOutDaysAreLeftOut() throws Exception {
    assertThat(Timetable.next(schedule("0 0 1 * * ?"), Instant.parse("2026-12-23T00:00:00Z")))
        .contains(Instant.parse("2026-12-26T16:00:00Z"));
  }

  @Test
  void nothingIsDueWhenAllIsBlackedOut() throws Exception {
    assertThat(
            Timetable.next(schedule("0 0 1 24 12 ? 2026"), Instant.parse("2026-12-01T00:00:00Z")))
        .isEmpty();
  }

  @Test
  void calendarComesBackFromTheStoreAsItWas() throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(christmas());
    }

    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      assertThat(
              ((BlackOutCalendar) in.readObject()).isTimeIncluded(millis("2026-12-24T00:00:00Z")))
          .isFalse();
    }
    assertThat(bytes.size()).isLessThan(1000);
  }

  private static long millis(String text) {
    return Instant.parse(text).toEpochMilli();
  }

  private static ScheduleDefinition schedule(String cron) {
    return new ScheduleDefinition(
        cron,
        TOKYO,
        Duration.ZERO,
        ScheduleDefinition.Misfire.SKIP,
        Optional.empty(),
        List.of(days("2026-12-24", "2026-12-25"), days("2026-12-26", "2026-12-26")),
        0,
        Duration.ZERO);
  }
}
