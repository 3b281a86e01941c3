package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RetentionDefinition;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.WeekFields;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class RetentionRulesTests {

  private static final ZoneId LONDON = ZoneId.of("Europe/London");
  private static final RetentionDefinition NOTHING =
      new RetentionDefinition(0, 0, 0, 0, 0, 0, Duration.ZERO);

  private static RetentionRules.Point point(Instant at, boolean pinned, boolean proven) {
    return new RetentionRules.Point(
        new BackupId("backup-a-" + at.getEpochSecond()), at, pinned, proven);
  }

  private static RetentionRules.Point point(String at) {
    return point(Instant.parse(at), false, false);
  }

  private static RetentionDefinition rules(
      int last, int hourly, int daily, int weekly, int monthly, int yearly) {
    return new RetentionDefinition(last, hourly, daily, weekly, monthly, yearly, Duration.ZERO);
  }

  private static Map<BackupId, List<String>> kept(
      List<RetentionRules.Point> points, RetentionDefinition rules) {
    return RetentionRules.kept(points, rules, LONDON, Instant.parse("2027-06-01T00:00:00Z"));
  }

  @Test
  void newestStaysWhateverTheRules() {
    List<RetentionRules.Point> points =
        List.of(point("2026-01-01T00:00:00Z"), point("2026-01-02T00:00:00Z"));

    assertThat(kept(points, NOTHING)).containsOnlyKeys(points.get(1).id());
  }

  @Test
  void newestProvenStaysHoweverOldItIs() {
    RetentionRules.Point proven = point(Instant.parse("2020-01-01T00:00:00Z"), false, true);
    RetentionRules.Point older = point(Instant.parse("2019-01-01T00:00:00Z"), false, true);
    RetentionRules.Point newest = point("2026-01-02T00:00:00Z");

    assertThat(kept(List.of(older, proven, newest), NOTHING))
        .containsOnlyKeys(newest.id(), proven.id())
        .containsEntry(proven.id(), List.of("newest proven"));
  }

  @Test
  void pinsAndYouthKeep() {
    RetentionRules.Point pinned = point(Instant.parse("2020-01-01T00:00:00Z"), true, false);
    RetentionRules.Point young = point("2027-05-31T22:00:00Z");
    RetentionRules.Point old = point("2027-05-30T22:00:00Z");
    RetentionRules.Point newest = point("2027-05-31T23:00:00Z");
    RetentionDefinition day = new RetentionDefinition(0, 0, 0, 0, 0, 0, Duration.ofDays(1));

    assertThat(kept(List.of(pinned, young, old, newest), day))
        .containsOnlyKeys(newest.id(), young.id(), pinned.id());
  }

  /** A host's clock was wrong once: its points would be the newest ones for years. */
  @Test
  void whatIsDatedInTheFutureStaysAndTakesNobodysPlace() {
    RetentionRules.Point future = point(Instant.parse("2031-01-01T00:00:00Z"), false, true);
    RetentionRules.Point proven = point(Instant.parse("2027-01-01T00:00:00Z"), false, true);
    RetentionRules.Point older = point("2027-05-01T00:00:00Z");
    RetentionRules.Point newest = point("2027-05-02T00:00:00Z");
    List<RetentionRules.Point> points = List.of(future, proven, older, newest);

    assertThat(kept(points, rules(1, 0, 1, 0, 0, 1)))
        .containsOnlyKeys(future.id(), newest.id(), proven.id())
        .containsEntry(future.id(), List.of("dated in the future"))
        .containsEntry(newest.id(), List.of("newest", "last 1", "daily 2027-05-02", "yearly 2027"))
        .containsEntry(proven.id(), List.of("newest proven"));
    assertThat(
            RetentionRules.kept(
                points, rules(1, 0, 0, 0, 0, 0), LONDON, Instant.parse("2031-01-01T00:00:01Z")))
        .as("once its time has come it is as any other")
        .containsOnlyKeys(future.id());
  }

  @Test
  void hourThatClocksShowTwiceIsTwoHours() {
    // 2026-10-25: 01:30 British Summer Time, then 01:30 Greenwich Mean Time.
    List<RetentionRules.Point> points =
        List.of(
            point("2026-10-25T00:30:00Z"),
            point("2026-10-25T01:30:00Z"),
            point("2026-10-25T02:30:00Z"));

    assertThat(kept(points, rules(0, 3, 0, 0, 0, 0))).hasSize(3);
  }

  @Test
  void daysBeginWhereTheMachineStands() {
    // 23:30 and 00:30 in London in summer: two days there, one in UTC.
    List<RetentionRules.Point> points =
        List.of(point("2026-07-01T22:30:00Z"), point("2026-07-01T23:30:00Z"));

    assertThat(kept(points, rules(0, 0, 2, 0, 0, 0)))
        .containsEntry(points.get(0).id(), List.of("daily 2026-07-01"));
  }

  @Test
  void weekOfNewYearIsOne() {
    // 2026-12-31 is a Thursday; the week goes on until Sunday, 2027-01-03.
    List<RetentionRules.Point> points =
        List.of(
            point("2026-12-27T12:00:00Z"),
            point("2026-12-31T12:00:00Z"),
            point("2027-01-02T12:00:00Z"));

    assertThat(kept(points, rules(0, 0, 0, 2, 0, 0)).keySet())
        .containsExactly(points.get(2).id(), points.get(0).id());
  }

  @Test
  void emptyPeriodsAreNotCounted() {
    List<RetentionRules.Point> points =
        List.of(
            point("2020-05-01T12:00:00Z"),
            point("2023-05-01T12:00:00Z"),
            point("2026-05-01T12:00:00Z"));

    assertThat(kept(points, rules(0, 0, 3, 0, 0, 0))).hasSize(3);
  }

  /** Another way to the same: every point asks for itself whether it is the newest of enough. */
  private static Set<BackupId> reference(
      List<RetentionRules.Point> points, RetentionDefinition rules, Instant now) {
    Set<BackupId> kept = new HashSet<>();
    for (RetentionRules.Point point : points) {
      List<RetentionRules.Point> newer =
          points.stream().filter(other -> other.takenAt().isAfter(point.takenAt())).toList();
      boolean keep =
          newer.isEmpty()
              || point.pinned()
              || point.takenAt().plus(rules.minAge()).isAfter(now)
              || newer.size() < rules.last()
              || point.proven() && newer.stream().noneMatch(RetentionRules.Point::proven);
      for (int kind = 0; kind < 5; kind++) {
        int of = kind;
        int count =
            List.of(rules.hourly(), rules.daily(), rules.weekly(), rules.monthly(), rules.yearly())
                .get(kind);
        Set<Object> newerPeriods =
            newer.stream().map(other -> period(other, of)).collect(Collectors.toSet());
        keep |= !newerPeriods.contains(period(point, kind)) && newerPeriods.size() < count;
      }
      if (keep) {
        kept.add(point.id());
      }
    }
    return kept;
  }

  private static Object period(RetentionRules.Point point, int kind) {
    ZonedDateTime at = point.takenAt().atZone(LONDON);
    LocalDate day = at.toLocalDate();
    return switch (kind) {
      // Offsets of London are whole hours.
      case 0 -> point.takenAt().getEpochSecond() / 3600;
      case 1 -> day;
      case 2 -> day.with(WeekFields.ISO.dayOfWeek(), 1);
      case 3 -> day.withDayOfMonth(1);
      default -> day.getYear();
    };
  }

  @Test
  void keepsWhatAnotherWayOfCountingKeeps() {
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      Instant at = Instant.parse("2025-09-01T00:00:00Z");
      List<RetentionRules.Point> points = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        at = at.plus(Duration.ofMinutes(1 + random.nextInt(seed % 2 == 0 ? 120 : 3000)));
        points.add(point(at, random.nextInt(100) == 0, random.nextInt(20) == 0));
      }
      RetentionDefinition rules =
          new RetentionDefinition(
              random.nextInt(5),
              random.nextInt(30),
              random.nextInt(20),
              random.nextInt(10),
              random.nextInt(15),
              random.nextInt(3),
              Duration.ofHours(random.nextInt(50)));

      assertThat(RetentionRules.kept(points, rules, LONDON, at).keySet())
          .as("seed %s, %s", seed, rules)
          .containsExactlyInAnyOrderElementsOf(reference(points, rules, at));
    }
  }
}
