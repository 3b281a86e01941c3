package dev.backstep.job.definition;

import static dev.backstep.job.definition.Problems.quoted;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.yaml.snakeyaml.error.Mark;

/** A scalar of the file with its place; its readers report what they do not accept. */
record Text(String field, String value, Mark mark, Problems problems) {

  private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})([smhdw])");
  private static final Map<String, Long> UNIT_SECONDS =
      Map.of("s", 1L, "m", 60L, "h", 3600L, "d", 86_400L, "w", 604_800L);

  void problem(String expected) {
    problems.at(mark, "'" + field + "' is " + quoted(value) + "; expected " + expected);
  }

  /** A whole number within bounds. */
  Optional<Integer> number(int min, int max) {
    if (value.matches("[0-9]{1,9}")) {
      int number = Integer.parseInt(value);
      if (number >= min && number <= max) {
        return Optional.of(number);
      }
    }
    problem("a whole number from " + min + " to " + max);
    return Optional.empty();
  }

  /** Yes or no. */
  Optional<Boolean> flag() {
    if (value.equals("true") || value.equals("false")) {
      return Optional.of(value.equals("true"));
    }
    problem("true or false");
    return Optional.empty();
  }

  /** One of an enum's words: lower case, dashes for underscores. */
  <E extends Enum<E>> Optional<E> word(Class<E> type) {
    Map<String, E> words =
        Stream.of(type.getEnumConstants())
            .collect(Collectors.toMap(Text::word, Function.identity()));
    E found = words.get(value);
    if (found == null) {
      String accepted =
          Stream.of(type.getEnumConstants()).map(Text::word).collect(Collectors.joining(", "));
      problem("one of: " + accepted + DidYouMean.hint(value, words.keySet()));
    }
    return Optional.ofNullable(found);
  }

  /** How an enum's constant stands in a definition. */
  static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** A duration such as {@code 90s}, {@code 5m}, {@code 1d}. */
  Optional<Duration> duration() {
    Matcher matcher = DURATION.matcher(value);
    if (!matcher.matches()) {
      problem("a number and a unit (s, m, h, d, w) such as 90s, 5m or 1d");
      return Optional.empty();
    }
    long seconds =
        Long.parseLong(matcher.group(1)) * UNIT_SECONDS.getOrDefault(matcher.group(2), 1L);
    return Optional.of(Duration.ofSeconds(seconds));
  }

  /** A text of one line, not blank, of at most so many characters. */
  Optional<String> line(int lengthMax) {
    if (!isLine(value, lengthMax)) {
      problem("1 to " + lengthMax + " characters without line breaks or other control characters");
      return Optional.empty();
    }
    return Optional.of(value);
  }

  static boolean isLine(String text, int lengthMax) {
    boolean control =
        text.codePoints()
            .anyMatch(point -> Character.isISOControl(point) || point == 0x2028 || point == 0x2029);
    return !text.isBlank() && text.codePointCount(0, text.length()) <= lengthMax && !control;
  }
}
