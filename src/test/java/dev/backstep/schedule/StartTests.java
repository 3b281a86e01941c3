package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.job.definition.JobDefinitions;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StartTests {

  private static ScheduleDefinition schedule(String more) {
    JobDefinition definition =
        JobDefinitions.read(
            """
            vm: a
            source: { type: image, disks: [ { key: a, path: /a } ] }
            repository: /r
            schedule: { cron: "0 0 1 * * ?", zone: Europe/London%s }
            """
                .formatted(more));
    return definition.schedule().orElseThrow();
  }

  private static Start start(String more, String due, String now) {
    return Start.of(schedule(more), "a", Instant.parse(due), Instant.parse(now));
  }

  private static Start at(String start, String stop) {
    return new Start(Instant.parse(start), Optional.of(Instant.parse(stop)));
  }

  @Test
  void withoutWindowItIsTheDueTimeAndWithoutEnd() {
    assertThat(start("", "2026-01-10T01:00:00Z", "2026-01-10T01:00:01Z"))
        .isEqualTo(new Start(Instant.parse("2026-01-10T01:00:01Z"), Optional.empty()));
  }

  @Test
  void jitterDelaysByUpToItAndTheSameEachTime() {
    Instant due = Instant.parse("2026-01-10T01:00:00Z");
    ScheduleDefinition schedule = schedule(", jitter: 5m");

    assertThat(IntStream.range(0, 1000).mapToObj(vm -> Start.of(schedule, "vm" + vm, due, due)))
        .allSatisfy(start -> assertThat(start.at()).isBetween(due, due.plus(Duration.ofMinutes(5))))
        .anySatisfy(start -> assertThat(start.at()).isBefore(due.plusSeconds(10)))
        .anySatisfy(start -> assertThat(start.at()).isAfter(due.plusSeconds(290)));
    assertThat(Start.of(schedule, "vm", due, due)).isEqualTo(Start.of(schedule, "vm", due, due));
  }

  @Test
  void windowOverMidnightEndsTheNextMorning() {
    String window = ", window: \"22:00-06:00\"";

    assertThat(start(window, "2026-01-10T23:00:00Z", "2026-01-10T23:00:00Z"))
        .isEqualTo(at("2026-01-10T23:00:00Z", "2026-01-11T06:00:00Z"));
    assertThat(start(window, "2026-01-11T01:00:00Z", "2026-01-11T01:00:00Z"))
        .isEqualTo(at("2026-01-11T01:00:00Z", "2026-01-11T06:00:00Z"));
  }

  @Test
  void dueOutsideOfTheWindowWaitsForIt() {
    assertThat(start(", window: \"22:00-06:00\"", "2026-01-10T06:00:00Z", "2026-01-10T06:00:00Z"))
        .isEqualTo(at("2026-01-10T22:00:00Z", "2026-01-11T06:00:00Z"));
  }

  @Test
  void lateStartWaitsForTheNextWindowWhenItsOwnIsOver() {
    assertThat(start(", window: \"00:30-02:00\"", "2026-01-10T01:00:00Z", "2026-01-10T03:00:00Z"))
        .isEqualTo(at("2026-01-11T00:30:00Z", "2026-01-11T02:00:00Z"));
  }

  @Test
  void jitterNeverLeadsOutOfTheWindow() {
    assertThat(
            start(
                ", jitter: 9w, window: \"00:30-01:30\"",
                "2026-01-10T01:00:00Z",
                "2026-01-10T01:00:00Z"))
        .isEqualTo(at("2026-01-10T01:00:00Z", "2026-01-10T01:30:00Z"));
  }

  @Test
  void windowIsInLocalTimeWhenClocksChange() {
    String window = ", window: \"22:00-06:00\"";

    assertThat(start(window, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"))
        .isEqualTo(at("2026-03-29T01:00:00Z", "2026-03-29T05:00:00Z"));
    assertThat(start(window, "2026-10-24T23:00:00Z", "2026-10-24T23:00:00Z"))
        .isEqualTo(at("2026-10-24T23:00:00Z", "2026-10-25T06:00:00Z"));
  }

  @Test
  void windowWithoutLocalTimesIsPassedOver() {
    // Both ends become 02:00 and a bit; the clock jumps from 01:00 to 02:00.
    Start start =
        start(", window: \"01:59-02:01\"", "2026-03-28T12:00:00Z", "2026-03-28T12:00:00Z");

    assertThat(start.at()).isBefore(start.stopAt().orElseThrow());
  }
}
