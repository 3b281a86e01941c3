package dev.backstep.job.definition;

import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.VerifyDefinition;
import java.time.Duration;
import java.time.ZoneId;
import java.util.Optional;
import java.util.OptionalInt;

/** Reads when a VM's images are verified by a server. */
final class VerifyReader {

  static final String CRON_DEFAULT = "0 0 6 * * ?";
  static final Duration NEW_WITHIN_DEFAULT = Duration.ofDays(1);
  static final Duration ALL_WITHIN_DEFAULT = Duration.ofDays(30);

  private VerifyReader() {}

  /**
   * @param schedule of the VM's backups; without one no server acts on the definition
   */
  static Optional<VerifyDefinition> verify(Fields fields, Optional<ScheduleDefinition> schedule) {
    Optional<String> cron = ScheduleReader.cron(fields, CRON_DEFAULT);
    ZoneId zone = ScheduleReader.zone(fields, schedule);
    Duration newWithin =
        fields.text("new-within").flatMap(VerifyReader::time).orElse(NEW_WITHIN_DEFAULT);
    Duration allWithin =
        fields.text("all-within").flatMap(VerifyReader::time).orElse(ALL_WITHIN_DEFAULT);
    OptionalInt share =
        fields
            .text("share")
            .flatMap(text -> text.number(1, 100))
            .map(OptionalInt::of)
            .orElse(OptionalInt.empty());
    fields.refuseOthers();
    if (schedule.isEmpty()) {
      fields.problem("'verify' is what a server does; expected a 'schedule' beside it");
    }
    return cron.map(found -> new VerifyDefinition(found, zone, newWithin, allWithin, share));
  }

  private static Optional<Duration> time(Text text) {
    Optional<Duration> time = text.duration();
    if (time.filter(Duration::isZero).isPresent()) {
      text.problem("a time longer than none, such as 24h or 30d");
      return Optional.empty();
    }
    return time;
  }
}
