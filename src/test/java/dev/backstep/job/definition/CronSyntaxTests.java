package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.quartz.CronExpression;

/** Each verdict is cross-checked with Quartz itself. */
class CronSyntaxTests {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0 0 1 * * ?",
        "0 0 1 ? * SUN",
        "0 0/15 * * * ?",
        "0 0 12 ? * MON-FRI",
        "0 15 10 L * ?",
        "0 15 10 L-3 * ?",
        "0 15 10 LW * ?",
        "0 15 10 15W * ?",
        "0 15 10 ? * 6L",
        "0 15 10 ? * 6#3",
        "0 15 10 ? JAN,MAR 2-6 2026-2030",
        "0 0 1 1,15 * ?",
        "0 0-30/5 9-17 * * ?",
        "0 0 1 * jan ?"
      })
  void acceptsWhatQuartzAccepts(String cron) {
    assertThat(CronExpression.isValidExpression(cron)).isTrue();
    assertThat(CronSyntax.problem(cron)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0 0 1 * *",
        "* * * * * * * *",
        "60 0 1 * * ?",
        "0 60 1 * * ?",
        "0 0 24 * * ?",
        "0 0 1 32 * ?",
        "0 0 1 * 13 ?",
        "0 0 1 ? * 8",
        "0 0 1 * * *",
        "0 0 1 ? * ?",
        "0 0 1 * FOO ?",
        "0 0/0 1 * * ?",
        "a b c d e f",
        "0 0 1 ? * MON#9",
        "@daily"
      })
  void refusesWhatQuartzRefuses(String cron) {
    assertThat(CronSyntax.problem(cron)).isPresent();
  }
}
