package dev.backstep.backup;

import dev.backstep.domain.BootSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** The machine that a restore point is booted in, as QEMU's command line says it. */
final class BootCommand {

  static final String QEMU = "qemu-system-x86_64";

  /** Firmware of Debian's package ovmf, code and variables in one. */
  static final Path UEFI = Path.of("/usr/share/ovmf/OVMF.fd");

  private BootCommand() {}

  /**
   * @param point serves the disks
   * @param agent base name of the two pipes of the guest agent
   * @param hostPort of this machine, that leads to the guest's port; empty for no network at all
   */
  static List<String> of(
      BootSettings settings, boolean kvm, ServedPoint point, Path agent, OptionalInt hostPort) {
    List<String> command =
        new ArrayList<>(
            List.of(
                QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"));
    command.addAll(List.of("-name", "backstep-restore-test"));
    command.addAll(List.of("-machine", settings.machine(), "-accel", kvm ? "kvm" : "tcg"));
    command.addAll(List.of("-cpu", "max", "-smp", String.valueOf(settings.cpus())));
    command.addAll(List.of("-m", settings.memoryMib() + "M", "-serial", "stdio"));
    if (!settings.firmware().equals("bios")) {
      String file = settings.firmware().equals("uefi") ? UEFI.toString() : settings.firmware();
      command.addAll(List.of("-bios", file));
    }
    disks(command, settings, point);
    if (settings.agent()) {
      command.addAll(List.of("-device", "virtio-serial-pci"));
      command.addAll(List.of("-chardev", "pipe,id=agent,path=" + escaped(agent)));
      command.addAll(
          List.of("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"));
    }
    if (hostPort.isPresent() && settings.port().isPresent()) {
      // Restricted: the copy must not talk to what the original talks to.
      command.addAll(
          List.of(
              "-netdev",
              "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:"
                  + hostPort.getAsInt()
                  + "-:"
                  + settings.port().getAsInt()));
      command.addAll(List.of("-device", "virtio-net-pci,netdev=net"));
    }
    return command;
  }

  private static void disks(List<String> command, BootSettings settings, ServedPoint point) {
    if (settings.bus().equals("scsi")) {
      command.addAll(List.of("-device", "virtio-scsi-pci"));
    }
    int index = 0;
    for (ServedPoint.Disk disk : point.disks()) {
      String node = "disk" + disk.diskId();
      command.addAll(
          List.of(
              "-blockdev",
              "driver=nbd,node-name="
                  + node
                  + ",discard=unmap,server.type=unix,server.path="
                  + escaped(point.socket())
                  + ",export="
                  + disk.export()));
      index++;
      String device =
          switch (settings.bus()) {
            case "sata" -> "ide-hd";
            case "scsi" -> "scsi-hd";
            case "nvme" -> "nvme,serial=backstep" + disk.diskId();
            default -> "virtio-blk-pci";
          };
      command.addAll(List.of("-device", device + ",drive=" + node + ",bootindex=" + index));
    }
  }

  /** A comma ends a value of QEMU's options unless it is doubled. */
  private static String escaped(Path path) {
    return path.toString().replace(",", ",,");
  }
}
