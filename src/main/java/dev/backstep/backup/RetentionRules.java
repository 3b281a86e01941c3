package dev.backstep.backup;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RetentionDefinition;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.time.temporal.IsoFields;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Which restore points of a VM stay. Of each hour, day, week, month and year the newest one counts,
 * going back over as many of them as have any; the same one may count for several. Weeks are those
 * of ISO 8601. Stateless, thread-safe.
 */
public final class RetentionRules {

  private RetentionRules() {}

  /**
   * A restore point to choose among.
   *
   * @param takenAt the moment of its snapshot
   * @param pinned whether an operator keeps it
   * @param proven whether all that it needs was read and found right
   */
  public record Point(BackupId id, Instant takenAt, boolean pinned, boolean proven) {

    private boolean isOfTheFuture(Instant now) {
      return takenAt.isAfter(now);
    }
  }

  /**
   * One that a wrong clock has dated in the future stays, and counts for no rule until its time has
   * come: it would be the newest one until then, in the place of those that are.
   *
   * @param zone in which days begin
   * @return why each one that stays does so, newest first; there is none without a reason, and the
   *     newest one and the newest proven one always stay
   */
  public static Map<BackupId, List<String>> kept(
      Collection<Point> points, RetentionDefinition rules, ZoneId zone, Instant now) {
    List<Point> all = newestFirst(points);
    Map<BackupId, List<String>> reasons = new LinkedHashMap<>();
    all.forEach(point -> reasons.put(point.id(), new ArrayList<>()));
    List<Point> newestFirst = all.stream().filter(point -> !point.isOfTheFuture(now)).toList();
    for (Point point : all) {
      if (point.isOfTheFuture(now)) {
        add(reasons, Optional.of(point), "dated in the future");
      }
      if (point.pinned()) {
        add(reasons, Optional.of(point), "pinned");
      }
    }
    add(reasons, newest(newestFirst), "newest");
    add(reasons, newestProven(newestFirst), "newest proven");
    for (Point point : newestFirst) {
      if (point.takenAt().isAfter(now.minus(rules.minAge()))) {
        add(reasons, Optional.of(point), "younger than min-age");
      }
    }
    newestFirst.stream()
        .limit(rules.last())
        .forEach(point -> add(reasons, Optional.of(point), "last " + rules.last()));
    period(reasons, newestFirst, zone, rules.hourly(), "hourly", RetentionRules::hour);
    period(reasons, newestFirst, zone, rules.daily(), "daily", at -> at.toLocalDate().toString());
    period(reasons, newestFirst, zone, rules.weekly(), "weekly", RetentionRules::week);
    period(
        reasons,
        newestFirst,
        zone,
        rules.monthly(),
        "monthly",
        at -> "%04d-%02d".formatted(at.getYear(), at.getMonthValue()));
    period(
        reasons, newestFirst, zone, rules.yearly(), "yearly", at -> String.valueOf(at.getYear()));
    reasons.values().removeIf(List::isEmpty);
    return reasons;
  }

  /** The newest one and the newest proven one: these stay whatever the rules are. */
  public static Set<BackupId> alwaysKept(Collection<Point> points, Instant now) {
    List<Point> newestFirst =
        newestFirst(points).stream().filter(point -> !point.isOfTheFuture(now)).toList();
    Set<BackupId> kept = new HashSet<>();
    newest(newestFirst).ifPresent(point -> kept.add(point.id()));
    newestProven(newestFirst).ifPresent(point -> kept.add(point.id()));
    return kept;
  }

  private static List<Point> newestFirst(Collection<Point> points) {
    return points.stream()
        .sorted(
            Comparator.comparing(Point::takenAt)
                .thenComparing(point -> point.id().value())
                .reversed())
        .toList();
  }

  private static Optional<Point> newest(List<Point> newestFirst) {
    return newestFirst.stream().findFirst();
  }

  private static Optional<Point> newestProven(List<Point> newestFirst) {
    return newestFirst.stream().filter(Point::proven).findFirst();
  }

  /** With its offset: the hour that a clock shows twice in autumn is two. */
  private static String hour(ZonedDateTime at) {
    return at.truncatedTo(ChronoUnit.HOURS).toOffsetDateTime().toString();
  }

  private static String week(ZonedDateTime at) {
    return "%04d-W%02d"
        .formatted(at.get(IsoFields.WEEK_BASED_YEAR), at.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
  }

  private static void period(
      Map<BackupId, List<String>> reasons,
      List<Point> newestFirst,
      ZoneId zone,
      int count,
      String name,
      Function<ZonedDateTime, String> periodOf) {
    Set<String> seen = new HashSet<>();
    for (Point point : newestFirst) {
      if (seen.size() == count) {
        return;
      }
      String period = periodOf.apply(point.takenAt().atZone(zone));
      if (seen.add(period)) {
        add(reasons, Optional.of(point), name + " " + period);
      }
    }
  }

  private static void add(
      Map<BackupId, List<String>> reasons, Optional<Point> point, String reason) {
    point.ifPresent(kept -> reasons.getOrDefault(kept.id(), new ArrayList<>()).add(reason));
  }
}
