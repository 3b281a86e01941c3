package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BootSettings;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RestoreTestDefinition;
import dev.backstep.domain.VerifyDefinition;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** When a server verifies images and boots restore points. */
class ProofDefinitionTests {

  private static final String SCHEDULED =
      """
      vm: a
      source: { type: x-simulated, machine: a }
      repository: /backups
      schedule: { cron: "0 0 1 * * ?", zone: Europe/Berlin }
      """;

  @Test
  void readsAndWritesWhenImagesAreVerified() {
    VerifyDefinition standard =
        JobDefinitions.read(SCHEDULED + "verify: {}").verify().orElseThrow();
    assertThat(standard)
        .isEqualTo(
            new VerifyDefinition(
                "0 0 6 * * ?",
                ZoneId.of("Europe/Berlin"),
                Duration.ofDays(1),
                Duration.ofDays(30),
                OptionalInt.empty()));
    JobDefinition definition =
        JobDefinitions.read(
            SCHEDULED
                + "verify: { cron: \"0 0 3 ? * SUN\", zone: UTC, new-within: 12h,"
                + " all-within: 8w, share: 15 }");

    assertThat(JobDefinitions.read(JobDefinitions.write(definition))).isEqualTo(definition);
    assertThat(definition.verify().orElseThrow().share()).hasValue(15);
    assertThat(JobDefinitions.read(SCHEDULED).verify()).isEmpty();
  }

  @Test
  void refusesVerificationsThatCannotBe() {
    assertThatThrownBy(() ->
            JobDefinitions.read(
                SCHEDULED
                    + "verify: { cron: never, zone: Moon, new-within: 0s, all-within: soon,"
                    + " share: 0, each: 3 }"))
        .isInstanceOf(JobDefinitionException.class)
        .hasMessageContainingAll(
            "'cron' is 'never'",
            "'zone' is 'Moon'; expected a time zone",
            "'new-within' is '0s'; expected a time longer than none",
            "'all-within' is 'soon'; expected a number and a unit",
            "'share' is '0'; expected a whole number from 1 to 100",
            "unknown field 'each' in a verification; accepted: all-within, cron, new-within, share,"
                + " zone");
    assertThatThrownBy(() ->
            JobDefinitions.read(
                "vm: a\nsource: { type: x-simulated, machine: a }\nrepository: /b\nverify: {}"))
        .hasMessageContaining("expected a 'schedule' beside it");
  }

  @Test
  void readsAndWritesWhenAndHowRestorePointsAreBooted() {
    JobDefinition plain = JobDefinitions.read(SCHEDULED + "restore-test: { agent: true }");
    assertThat(plain.restoreTest())
        .contains(
            new RestoreTestDefinition(
                "0 0 9 ? * SUN",
                ZoneId.of("Europe/Berlin"),
                new BootSettings(
                    "q35",
                    1024,
                    1,
                    "virtio",
                    "bios",
                    Optional.empty(),
                    true,
                    OptionalInt.empty(),
                    Duration.ofMinutes(5))));
    JobDefinition all =
        JobDefinitions.read(
            SCHEDULED
                + "restore-test: { cron: \"0 0 3 1 * ?\", zone: UTC, console: \"log.*in:\","
                + " port: 22, limit: 10m, memory-mib: 512, cpus: 2, machine: pc, bus: sata,"
                + " firmware: uefi }");

    for (JobDefinition definition : List.of(plain, all)) {
      assertThat(JobDefinitions.read(JobDefinitions.write(definition))).isEqualTo(definition);
    }
    assertThat(JobDefinitions.read(SCHEDULED).restoreTest()).isEmpty();
  }

  @Test
  void refusesRestoreTestsThatCannotBe() {
    assertThatThrownBy(() ->
            JobDefinitions.read(
                SCHEDULED
                    + "restore-test: { cron: never, agent: perhaps, port: 0, cpus: 65,"
                    + " console: x, bus: ide, boot: 1 }"))
        .isInstanceOf(JobDefinitionException.class)
        .hasMessageContainingAll(
            "'cron' is 'never'",
            "'agent' is 'perhaps'; expected true or false",
            "'port' is '0'; expected a whole number from 1 to 65535",
            "'cpus' is '65'; expected a whole number from 1 to 64",
            "'bus' is 'ide'; expected virtio, sata, scsi, nvme",
            "unknown field 'boot' in a restore test");
    assertThatThrownBy(() -> JobDefinitions.read(SCHEDULED + "restore-test: {}"))
        .hasMessageContaining("at least one of console (a regular expression), agent, port");
    assertThatThrownBy(() ->
            JobDefinitions.read(
                "vm: a\nsource: { type: x-simulated, machine: a }\nrepository: /b\n"
                    + "restore-test: { agent: true }"))
        .hasMessageContaining("expected a 'schedule' beside it");
  }
}
