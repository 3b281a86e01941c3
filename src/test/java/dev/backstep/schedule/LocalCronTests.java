package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Clocks go forward on 2026-03-29 at 01:00 and back on 2026-10-25 at 02:00 in London. */
class LocalCronTests {

  private static final ZoneId LONDON = ZoneId.of("Europe/London");

  private static List<String> fires(String cron, ZoneId zone, String from, int count)
      throws ParseException {
    LocalCron times = new LocalCron(cron, zone);
    List<String> fires = new ArrayList<>();
    Instant time = Instant.parse(from);
    for (int i = 0; i < count; i++) {
      time = times.after(time).orElseThrow();
      fires.add(time.atZone(zone).toOffsetDateTime().toString());
    }
    return fires;
  }

  @Test
  void nightlyStartInTheHourThatDoesNotExistIsDueAtItsEnd() throws Exception {
    assertThat(fires("0 30 1 * * ?", LONDON, "2026-03-28T00:00:00Z", 4))
        .containsExactly(
            "2026-03-28T01:30Z",
            "2026-03-29T02:00+01:00",
            "2026-03-30T01:30+01:00",
            "2026-03-31T01:30+01:00");
  }

  @Test
  void nightlyStartInTheHourThatExistsTwiceIsDueOnce() throws Exception {
    assertThat(fires("0 30 1 * * ?", LONDON, "2026-10-24T00:00:00Z", 4))
        .containsExactly(
            "2026-10-24T01:30+01:00",
            "2026-10-25T01:30Z",
            "2026-10-26T01:30Z",
            "2026-10-27T01:30Z");
  }

  @Test
  void startAtTheEndOfTheGapIsDueOnce() throws Exception {
    assertThat(fires("0 0 2 * * ?", LONDON, "2026-03-28T12:00:00Z", 2))
        .containsExactly("2026-03-29T02:00+01:00", "2026-03-30T02:00+01:00");
    assertThat(fires("0 0 1,2 * * ?", LONDON, "2026-03-28T12:00:00Z", 3))
        .containsExactly(
            "2026-03-29T02:00+01:00", "2026-03-30T01:00+01:00", "2026-03-30T02:00+01:00");
  }

  @Test
  void startsWithinTheHourNeedNoExtraOne() throws Exception {
    assertThat(fires("0 15 * * * ?", LONDON, "2026-03-29T00:00:00Z", 3))
        .containsExactly("2026-03-29T00:15Z", "2026-03-29T02:15+01:00", "2026-03-29T03:15+01:00");
  }

  @Test
  void gapBeforeAYearlyStartIsNoReasonForOne() throws Exception {
    assertThat(fires("0 30 1 24 12 ?", LONDON, "2026-01-01T00:00:00Z", 2))
        .containsExactly("2026-12-24T01:30Z", "2027-12-24T01:30Z");
  }

  @Test
  void onlyStartOfAllIsFoundInTheGap() throws Exception {
    assertThat(fires("0 30 1 29 3 ? 2026", LONDON, "2026-01-01T00:00:00Z", 1))
        .containsExactly("2026-03-29T02:00+01:00");
    assertThat(
            new LocalCron("0 30 1 29 3 ? 2026", LONDON)
                .after(Instant.parse("2026-03-29T01:00:00Z")))
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "0 30 1 * * ?,  Europe/London",
    "0 0 0 * * ?,   America/Santiago",
    "0 30 0 * * ?,  Asia/Beirut",
    "0 15 2 * * ?,  Australia/Lord_Howe",
    "0 30 2 * * ?,  America/New_York",
    "0 0 12 * * ?,  Pacific/Apia",
    "0 0 3 * * ?,   +05:45"
  })
  void eachDayOfTenYearsHasOneStart(String cron, ZoneId zone) throws Exception {
    LocalCron times = new LocalCron(cron, zone);
    Instant time = ZonedDateTime.of(2022, 1, 1, 0, 0, 0, 0, zone).toInstant().minusSeconds(1);
    LocalDate day = LocalDate.of(2021, 12, 31);
    for (int i = 0; i < 3650; i++) {
      Instant next = times.after(time).orElseThrow();
      LocalDate found = next.atZone(zone).toLocalDate();
      assertThat(found).isEqualTo(day.plusDays(1));
      assertThat(Duration.between(time, next)).isLessThan(Duration.ofHours(26));
      day = found;
      time = next;
    }
  }

  @Test
  void neverAndNoLongerAreEmpty() throws Exception {
    Instant now = Instant.parse("2026-11-23T00:00:00Z");

    assertThat(new LocalCron("0 0 1 31 2 ?", LONDON).after(now)).isEqualTo(Optional.empty());
    assertThat(new LocalCron("0 0 1 * * ? 2020", LONDON).after(now)).isEqualTo(Optional.empty());
  }

  @Test
  void refusesWhatQuartzDoesNotTake() {
    assertThatThrownBy(() -> new LocalCron("0 0 1 32W * ?", LONDON))
        .isInstanceOf(ParseException.class);
  }
}
