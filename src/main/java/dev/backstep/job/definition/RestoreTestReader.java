package dev.backstep.job.definition;

import dev.backstep.domain.BootSettings;
import dev.backstep.domain.RestoreTestDefinition;
import dev.backstep.domain.ScheduleDefinition;
import java.time.Duration;
import java.time.ZoneId;
import java.util.Optional;
import java.util.OptionalInt;

/** Reads when and how a VM's newest restore point is booted by a server. */
final class RestoreTestReader {

  static final String CRON_DEFAULT = "0 0 9 ? * SUN";

  private static final int MEMORY_MIB_MAX = 1 << 20;
  private static final int CPUS_MAX = 64;
  private static final int PORT_MAX = 65_535;
  private static final int CONSOLE_LENGTH_MAX = 1000;

  private RestoreTestReader() {}

  /**
   * @param schedule of the VM's backups; without one no server acts on the definition
   */
  static Optional<RestoreTestDefinition> restoreTest(
      Fields fields, Optional<ScheduleDefinition> schedule) {
    Optional<String> cron = ScheduleReader.cron(fields, CRON_DEFAULT);
    ZoneId zone = ScheduleReader.zone(fields, schedule);
    Optional<BootSettings> boot = boot(fields);
    fields.refuseOthers();
    if (schedule.isEmpty()) {
      fields.problem("'restore-test' is what a server does; expected a 'schedule' beside it");
    }
    return cron.flatMap(
        found -> boot.map(settings -> new RestoreTestDefinition(found, zone, settings)));
  }

  private static Optional<BootSettings> boot(Fields fields) {
    String machine = fields.text("machine").map(Text::value).orElse(BootSettings.MACHINE);
    int memory = number(fields, "memory-mib", MEMORY_MIB_MAX).orElse(BootSettings.MEMORY_MIB);
    int cpus = number(fields, "cpus", CPUS_MAX).orElse(BootSettings.CPUS);
    String bus = fields.text("bus").map(Text::value).orElse(BootSettings.BUS);
    String firmware = fields.text("firmware").map(Text::value).orElse(BootSettings.FIRMWARE);
    Optional<String> console =
        fields.text("console").flatMap(text -> text.line(CONSOLE_LENGTH_MAX));
    boolean agent = fields.text("agent").flatMap(Text::flag).orElse(false);
    OptionalInt port =
        number(fields, "port", PORT_MAX).map(OptionalInt::of).orElse(OptionalInt.empty());
    Duration limit = fields.text("limit").flatMap(Text::duration).orElse(BootSettings.LIMIT);
    try {
      return Optional.of(
          new BootSettings(machine, memory, cpus, bus, firmware, console, agent, port, limit));
    } catch (IllegalArgumentException e) {
      fields.problem("in 'restore-test': " + e.getMessage());
      return Optional.empty();
    }
  }

  private static Optional<Integer> number(Fields fields, String name, int max) {
    return fields.text(name).flatMap(text -> text.number(1, max));
  }
}
