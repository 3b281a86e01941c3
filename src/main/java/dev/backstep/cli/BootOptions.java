package dev.backstep.cli;

import dev.backstep.domain.BootSettings;
import dev.backstep.job.OperatorException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How {@code verify --boot} boots. */
final class BootOptions {

  @Option(
      names = "--boot",
      required = true,
      description = {
        "Boots the restore point in a machine of its own and waits for its signs of life.",
        "Images stay as they are; what the machine writes is thrown away."
      })
  private boolean boot;

  @Option(
      names = "--console",
      paramLabel = "REGEX",
      description = "Sign of life: something on the first serial port matches.")
  private @Nullable String console;

  @Option(names = "--agent", description = "Sign of life: the QEMU guest agent answers.")
  private boolean agent;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "Sign of life: this TCP port of the guest answers.")
  private @Nullable Integer port;

  @Option(
      names = "--limit",
      paramLabel = "SECONDS",
      description = "For all signs of life. Default: ${DEFAULT-VALUE}.")
  private int limit = (int) BootSettings.LIMIT.toSeconds();

  @Option(
      names = "--memory",
      paramLabel = "MIB",
      description = "Of the machine. Default: ${DEFAULT-VALUE}.")
  private int memory = BootSettings.MEMORY_MIB;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      description = "Of the machine. Default: ${DEFAULT-VALUE}.")
  private int cpus = BootSettings.CPUS;

  @Option(
      names = "--machine",
      paramLabel = "TYPE",
      description = "q35 or pc. Default: ${DEFAULT-VALUE}.")
  private String machine = BootSettings.MACHINE;

  @Option(
      names = "--bus",
      paramLabel = "BUS",
      description = "Of the disks: virtio, sata, scsi, nvme. Default: ${DEFAULT-VALUE}.")
  private String bus = BootSettings.BUS;

  @Option(
      names = "--firmware",
      paramLabel = "FIRMWARE",
      description = "bios, uefi, or an image's path. Default: ${DEFAULT-VALUE}.")
  private String firmware = BootSettings.FIRMWARE;

  boolean asked() {
    return boot;
  }

  /**
   * @throws OperatorException USAGE, saying what is wrong and what is accepted
   */
  BootSettings settings() {
    try {
      return new BootSettings(
          machine,
          memory,
          cpus,
          bus,
          firmware,
          Optional.ofNullable(console),
          agent,
          port == null ? OptionalInt.empty() : OptionalInt.of(port),
          Duration.ofSeconds(limit));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    }
  }
}
