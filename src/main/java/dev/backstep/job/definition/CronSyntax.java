package dev.backstep.job.definition;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Checks how a Quartz cron expression is written: seconds, minutes, hours, day of month, month, day
 * of week and optionally year. Whether it ever fires is the scheduler's to say.
 */
final class CronSyntax {

  static final int YEAR_MIN = 1970;
  static final int YEAR_MAX = 2099;

  private static final int LENGTH_MAX = 120;
  private static final List<String> MONTHS =
      List.of("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC");
  private static final List<String> DAYS = List.of("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT");

  private static final Field DAY_OF_MONTH =
      new Field("day of month", 1, 31, List.of(), "\\?|L(-[0-9]{1,2})?|LW|[0-9]{1,2}W");
  private static final Field DAY_OF_WEEK =
      new Field("day of week", 1, 7, DAYS, "\\?|L|([1-7]|[A-Z]{3})L|([1-7]|[A-Z]{3})#[1-5]");
  private static final List<Field> FIELDS =
      List.of(
          new Field("seconds", 0, 59, List.of(), ""),
          new Field("minutes", 0, 59, List.of(), ""),
          new Field("hours", 0, 23, List.of(), ""),
          DAY_OF_MONTH,
          new Field("month", 1, 12, MONTHS, ""),
          DAY_OF_WEEK,
          new Field("year", YEAR_MIN, YEAR_MAX, List.of(), ""));

  /** Part of a list: all or a value or a range, with an optional step. */
  private static final Pattern PART =
      Pattern.compile(
          "(?:\\*|([0-9]{1,4}|[A-Z]{3})(?:-([0-9]{1,4}|[A-Z]{3}))?)?(?:/([0-9]{1,4}))?");

  private CronSyntax() {}

  private record Field(String name, int min, int max, List<String> words, String special) {}

  /** What is expected instead; empty when the expression is well written. */
  static Optional<String> problem(String cron) {
    if (cron.length() > LENGTH_MAX) {
      return Optional.of("at most " + LENGTH_MAX + " characters");
    }
    List<String> values = List.of(cron.strip().toUpperCase(Locale.ROOT).split("\\s+"));
    if (values.size() < 6 || values.size() > 7) {
      return Optional.of(
          "6 or 7 fields (seconds minutes hours day-of-month month day-of-week [year]) such as"
              + " '0 0 1 * * ?', found "
              + values.size()
              + (values.size() == 5 ? "; put the seconds in front" : ""));
    }
    for (int index = 0; index < values.size(); index++) {
      Field field = FIELDS.get(index);
      if (!accepted(field, values.get(index))) {
        return Optional.of(expected(field, values.get(index)));
      }
    }
    return days(values);
  }

  /** Quartz wants a day by month or by week, and a question mark in the other field. */
  private static Optional<String> days(List<String> values) {
    boolean noMonthDay = values.get(3).equals("?");
    boolean noWeekDay = values.get(5).equals("?");
    return noMonthDay == noWeekDay
        ? Optional.of("'?' in exactly one of day of month and day of week")
        : Optional.empty();
  }

  private static String expected(Field field, String value) {
    String words = field.words().isEmpty() ? "" : " or " + field.words().getFirst() + "...";
    return String.format(
        Locale.ROOT,
        "%d to %d%s, '*', lists, ranges or steps as %s, found '%s'",
        field.min(),
        field.max(),
        words,
        field.name(),
        value);
  }

  private static boolean accepted(Field field, String value) {
    if (!field.special().isEmpty() && value.matches(field.special())) {
      return true;
    }
    for (String part : value.split(",", -1)) {
      Matcher matcher = PART.matcher(part);
      if (part.isEmpty() || !matcher.matches() || !bounded(field, matcher)) {
        return false;
      }
    }
    return true;
  }

  private static boolean bounded(Field field, Matcher part) {
    String step = part.group(3);
    return bounded(field, part.group(1))
        && bounded(field, part.group(2))
        && (step == null || (Integer.parseInt(step) >= 1 && Integer.parseInt(step) <= field.max()));
  }

  private static boolean bounded(Field field, @Nullable String value) {
    if (value == null || field.words().contains(value)) {
      return true;
    }
    return Character.isDigit(value.charAt(0))
        && Integer.parseInt(value) >= field.min()
        && Integer.parseInt(value) <= field.max();
  }
}
