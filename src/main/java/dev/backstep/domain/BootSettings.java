package dev.backstep.domain;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * How a restore point is booted to see whether it lives. At least one sign of life is asked for;
 * all that are must be seen.
 *
 * @param machine {@code q35} or {@code pc}
 * @param memoryMib memory of the guest
 * @param cpus processors of the guest
 * @param bus what its disks hang on
 * @param firmware {@code bios}, {@code uefi}, or the path of a firmware image
 * @param console a regular expression that something printed on the first serial port matches
 * @param agent whether the QEMU guest agent must answer
 * @param port a TCP port of the guest that must answer
 * @param limit for all signs to be seen, from the start of the machine
 */
public record BootSettings(
    String machine,
    int memoryMib,
    int cpus,
    String bus,
    String firmware,
    Optional<String> console,
    boolean agent,
    OptionalInt port,
    Duration limit) {

  public static final String MACHINE = "q35";
  public static final int MEMORY_MIB = 1024;
  public static final int CPUS = 1;
  public static final String BUS = "virtio";
  public static final String FIRMWARE = "bios";
  public static final Duration LIMIT = Duration.ofMinutes(5);

  private static final List<String> MACHINES = List.of("q35", "pc");
  private static final List<String> BUSES = List.of("virtio", "sata", "scsi", "nvme");

  /**
   * @throws IllegalArgumentException saying which setting is wrong, and what is accepted
   */
  public BootSettings {
    require(MACHINES.contains(machine), "machine", machine, String.join(", ", MACHINES));
    require(memoryMib >= 16 && memoryMib <= 1 << 20, "memory", memoryMib, "16 to 1048576 (MiB)");
    require(cpus >= 1 && cpus <= 64, "cpus", cpus, "1 to 64");
    require(BUSES.contains(bus), "bus", bus, String.join(", ", BUSES));
    require(
        List.of("bios", "uefi").contains(firmware) || firmware.startsWith("/"),
        "firmware",
        firmware,
        "bios, uefi, or the absolute path of a firmware image");
    console.ifPresent(BootSettings::requirePattern);
    require(
        port.isEmpty() || port.getAsInt() >= 1 && port.getAsInt() <= 65_535,
        "port",
        port.orElse(0),
        "1 to 65535");
    require(
        !limit.isNegative() && !limit.isZero() && limit.compareTo(Duration.ofDays(1)) <= 0,
        "limit",
        limit,
        "1 second to 1 day");
    require(
        console.isPresent() || agent || port.isPresent(),
        "sign of life",
        "not said",
        "at least one of console (a regular expression), agent, port");
  }

  private static void requirePattern(String console) {
    try {
      Pattern.compile(console);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "'console' is '" + console + "'; expected a regular expression: " + e.getMessage(), e);
    }
  }

  private static void require(boolean right, String name, Object found, String expected) {
    if (!right) {
      throw new IllegalArgumentException("'" + name + "' is '" + found + "'; expected " + expected);
    }
  }
}
