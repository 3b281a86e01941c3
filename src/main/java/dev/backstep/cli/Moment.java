package dev.backstep.cli;

import dev.backstep.job.OperatorException;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A time as it is typed: so long ago, or a date or time, local where it has no offset. */
final class Moment {

  static final String ACCEPTED = "such as 36h, 7d, 2026-11-23, 2026-11-23T01:00 or ...T01:00Z";

  private static final Pattern AGO = Pattern.compile("([0-9]{1,6})([smhdw])");
  private static final Map<String, Duration> UNITS =
      Map.of(
          "s", Duration.ofSeconds(1),
          "m", Duration.ofMinutes(1),
          "h", Duration.ofHours(1),
          "d", Duration.ofDays(1),
          "w", Duration.ofDays(7));

  private Moment() {}

  /**
   * Empty when nothing was typed.
   *
   * @throws OperatorException USAGE when it is no time
   */
  static Optional<Instant> of(String option, @Nullable String text, Clock clock) {
    if (text == null) {
      return Optional.empty();
    }
    Matcher ago = AGO.matcher(text);
    if (ago.matches()) {
      Duration unit = UNITS.getOrDefault(ago.group(2), Duration.ZERO);
      return Optional.of(clock.instant().minus(unit.multipliedBy(Long.parseLong(ago.group(1)))));
    }
    ZoneId zone = clock.getZone();
    return Stream.<Function<String, Instant>>of(
            typed -> OffsetDateTime.parse(typed).toInstant(),
            typed -> LocalDateTime.parse(typed).atZone(zone).toInstant(),
            typed -> LocalDate.parse(typed).atStartOfDay(zone).toInstant())
        .flatMap(form -> parsed(form, text).stream())
        .findFirst()
        .or(() -> {
          throw OperatorException.usage(
              option + " is '" + text + "'; expected a time " + ACCEPTED, null);
        });
  }

  private static Optional<Instant> parsed(Function<String, Instant> form, String text) {
    try {
      return Optional.of(form.apply(text));
    } catch (DateTimeException e) {
      return Optional.empty(); // it may have another form
    }
  }
}
