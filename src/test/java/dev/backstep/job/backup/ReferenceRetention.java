package dev.backstep.job.backup;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RetentionDefinition;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.TemporalAdjusters;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which restore points retention keeps, said another way than the program does: of each kind of
 * period the last points of the newest ones that have any.
 */
final class ReferenceRetention {

  private final RetentionDefinition rules;
  private final ZoneId zone;

  ReferenceRetention(RetentionDefinition rules, ZoneId zone) {
    this.rules = rules;
    this.zone = zone;
  }

  /**
   * @param points all there are, with the moment of each, no two at the same
   * @param proven those that were read and found right
   */
  Set<BackupId> kept(Map<BackupId, Instant> points, Set<BackupId> proven, Instant now) {
    Set<BackupId> kept = new HashSet<>();
    Map<Function<ZonedDateTime, Object>, Integer> periods =
        Map.of(
            ReferenceRetention::hour,
            rules.hourly(),
            ZonedDateTime::toLocalDate,
            rules.daily(),
            ReferenceRetention::monday,
            rules.weekly(),
            YearMonth::from,
            rules.monthly(),
            ZonedDateTime::getYear,
            rules.yearly());
    periods.forEach((period, count) -> lastOfEach(points, period).limit(count).forEach(kept::add));
    points.forEach((id, at) -> {
      long younger = points.values().stream().filter(other -> other.isAfter(at)).count();
      if (younger < Math.max(1, rules.last()) || at.plus(rules.minAge()).isAfter(now)) {
        kept.add(id);
      }
    });
    proven.stream().max(Comparator.comparing(points::get)).ifPresent(kept::add);
    return kept;
  }

  /** An hour is sixty minutes of the world's time, whatever the clock shows. */
  private static Object hour(ZonedDateTime at) {
    return at.toEpochSecond() / 3600;
  }

  private static Object monday(ZonedDateTime at) {
    return at.toLocalDate().with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
  }

  /** The last point of each period that has any, newest first. */
  private Stream<BackupId> lastOfEach(
      Map<BackupId, Instant> points, Function<ZonedDateTime, Object> period) {
    return points.keySet().stream()
        .collect(
            Collectors.toMap(
                id -> period.apply(points.get(id).atZone(zone)),
                Function.identity(),
                BinaryOperator.maxBy(Comparator.comparing(points::get))))
        .values()
        .stream()
        .sorted(Comparator.<BackupId, Instant>comparing(points::get).reversed());
  }
}
