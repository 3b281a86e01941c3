package dev.backstep.job.definition;

import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.ScheduleDefinition.Days;
import dev.backstep.domain.ScheduleDefinition.Misfire;
import dev.backstep.domain.ScheduleDefinition.Window;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;

/** Reads when a VM is backed up. */
final class ScheduleReader {

  static final Duration RETRY_PAUSE_DEFAULT = Duration.ofMinutes(15);

  private static final int RETRIES_MAX = 100;

  private ScheduleReader() {}

  /** Empty when it has no usable cron expression, which was reported then. */
  static Optional<ScheduleDefinition> schedule(Fields fields, Problems problems) {
    Optional<String> cron = fields.requiredText("cron").flatMap(ScheduleReader::cron);
    ZoneId zone =
        fields.text("zone").flatMap(ScheduleReader::zone).orElseGet(ZoneId::systemDefault);
    Duration jitter = fields.text("jitter").flatMap(Text::duration).orElse(Duration.ZERO);
    Misfire misfire =
        fields.text("misfire").flatMap(text -> text.word(Misfire.class)).orElse(Misfire.RUN_ONCE);
    Optional<Window> window = fields.text("window").flatMap(ScheduleReader::window);
    List<Days> blackOuts = new BlackOutReader(problems).days(fields.list("black-out"));
    int retries = fields.text("retries").flatMap(text -> text.number(0, RETRIES_MAX)).orElse(0);
    Duration retryPause =
        fields.text("retry-pause").flatMap(Text::duration).orElse(RETRY_PAUSE_DEFAULT);
    fields.refuseOthers();
    return cron.map(found ->
        new ScheduleDefinition(
            found, zone, jitter, misfire, window, blackOuts, retries, retryPause));
  }

  /**
   * When a server does what belongs to a VM's backups.
   *
   * @param absent where the definition says nothing
   * @return empty when it is wrong, which is a problem by then
   */
  static Optional<String> cron(Fields fields, String absent) {
    Optional<String> given = fields.text("cron").flatMap(ScheduleReader::cron);
    return fields.has("cron") ? given : Optional.of(absent);
  }

  /** That of the backups, unless another one is given. */
  static ZoneId zone(Fields fields, Optional<ScheduleDefinition> backups) {
    return fields
        .text("zone")
        .flatMap(ScheduleReader::zone)
        .or(() -> backups.map(ScheduleDefinition::zone))
        .orElseGet(ZoneId::systemDefault);
  }

  static Optional<String> cron(Text text) {
    Optional<String> problem = CronSyntax.problem(text.value());
    problem.ifPresent(text::problem);
    return problem.isPresent() ? Optional.empty() : Optional.of(text.value().strip());
  }

  static Optional<ZoneId> zone(Text text) {
    try {
      return Optional.of(ZoneId.of(text.value()));
    } catch (DateTimeException e) {
      text.problem(
          "a time zone such as Europe/London or UTC"
              + DidYouMean.hint(text.value(), ZoneId.getAvailableZoneIds()));
      return Optional.empty();
    }
  }

  private static Optional<Window> window(Text text) {
    if (text.value().matches("[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}")) {
      try {
        LocalTime from = LocalTime.parse(text.value().substring(0, 5));
        LocalTime to = LocalTime.parse(text.value().substring(6));
        if (!from.equals(to)) {
          return Optional.of(new Window(from, to));
        }
      } catch (DateTimeParseException e) {
        // Reported below: an hour or a minute that no day has.
      }
    }
    text.problem("two different times of day such as 22:00-06:00");
    return Optional.empty();
  }
}
