package dev.backstep.job.definition;

import dev.backstep.domain.RetentionDefinition;
import java.time.Duration;
import java.util.Optional;

/** Reads how many restore points stay. What is not named keeps none. */
final class RetentionReader {

  private static final int COUNT_MAX = 100_000;

  private RetentionReader() {}

  static Optional<RetentionDefinition> retention(Fields fields) {
    RetentionDefinition retention =
        new RetentionDefinition(
            count(fields, "last"),
            count(fields, "hourly"),
            count(fields, "daily"),
            count(fields, "weekly"),
            count(fields, "monthly"),
            count(fields, "yearly"),
            fields.text("min-age").flatMap(Text::duration).orElse(Duration.ZERO));
    fields.refuseOthers();
    refuseKeepingNothing(fields, retention);
    return Optional.of(retention);
  }

  private static int count(Fields fields, String name) {
    return fields.text(name).flatMap(text -> text.number(0, COUNT_MAX)).orElse(0);
  }

  private static void refuseKeepingNothing(Fields fields, RetentionDefinition retention) {
    boolean keeps =
        retention.last()
                + retention.hourly()
                + retention.daily()
                + retention.weekly()
                + retention.monthly()
                + retention.yearly()
            > 0;
    if (!keeps) {
      fields.problem(
          "a retention that keeps no restore point at all; expected last, hourly, daily, weekly,"
              + " monthly or yearly of at least 1");
    }
  }
}
