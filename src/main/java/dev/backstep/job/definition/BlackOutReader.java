package dev.backstep.job.definition;

import static dev.backstep.job.definition.Problems.quoted;

import dev.backstep.domain.ScheduleDefinition.Days;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;

/** Reads the days on which nothing starts: {@code 2026-12-24} or {@code 2026-12-24..2026-12-26}. */
final class BlackOutReader {

  /** The scheduler keeps each day by itself. */
  private static final int DAYS_MAX = 1000;

  private static final String BETWEEN = "..";

  private final Problems problems;

  BlackOutReader(Problems problems) {
    this.problems = problems;
  }

  List<Days> days(List<Node> nodes) {
    List<Days> all = new ArrayList<>();
    long count = 0;
    for (Node node : nodes) {
      Optional<Days> days = days(node);
      days.ifPresent(all::add);
      count += days.map(BlackOutReader::count).orElse(0L);
      if (count > DAYS_MAX) {
        problems.at(
            node.getStartMark(),
            "'black-out' has more than " + DAYS_MAX + " days; a shorter list is needed");
        return List.of();
      }
    }
    all.sort(Comparator.comparing(Days::first).thenComparing(Days::last));
    return all;
  }

  private Optional<Days> days(Node node) {
    String text = node instanceof ScalarNode scalar ? scalar.getValue() : "";
    int between = text.indexOf(BETWEEN);
    try {
      LocalDate first = LocalDate.parse(between < 0 ? text : text.substring(0, between));
      LocalDate last =
          between < 0 ? first : LocalDate.parse(text.substring(between + BETWEEN.length()));
      if (isPlausible(first) && isPlausible(last) && !last.isBefore(first)) {
        return Optional.of(new Days(first, last));
      }
    } catch (DateTimeParseException e) {
      // Reported below, together with days that are in no order.
    }
    problems.at(
        node.getStartMark(),
        "'black-out' has "
            + (node instanceof ScalarNode ? quoted(text) : Fields.kind(node))
            + "; expected a day such as 2026-12-24, or first and last day 2026-12-24..2026-12-26");
    return Optional.empty();
  }

  /** The same years that a cron expression may name. */
  private static boolean isPlausible(LocalDate day) {
    return day.getYear() >= CronSyntax.YEAR_MIN && day.getYear() <= CronSyntax.YEAR_MAX;
  }

  private static long count(Days days) {
    return ChronoUnit.DAYS.between(days.first(), days.last()) + 1;
  }
}
