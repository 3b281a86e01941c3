package dev.backstep.source.vsphere;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a VM is to be made of that is like one whose configuration was kept: its processors, memory
 * and firmware, and its disks, empty, each at the place that it had. All else is left out, network
 * adapters among it, so that it meets nothing when it is started.
 */
final class MachineSpec {

  /** These say how their bus is shared. */
  private static final Set<String> SCSI =
      Set.of(
          "ParaVirtualSCSIController",
          "VirtualLsiLogicController",
          "VirtualLsiLogicSASController",
          "VirtualBusLogicController");

  private static final Set<String> OTHER_CONTROLLERS =
      Set.of("VirtualAHCIController", "VirtualNVMEController");

  /** Every VM has these without being asked. */
  private static final Set<String> GIVEN =
      Set.of(
          "VirtualIDEController",
          "VirtualPS2Controller",
          "VirtualPCIController",
          "VirtualSIOController",
          "VirtualKeyboard",
          "VirtualPointingDevice",
          "VirtualMachineVideoCard",
          "VirtualMachineVMCIDevice");

  private static final String IDE = "VirtualIDEController";
  private static final int KIB = 1024;

  private final XmlNode configuration;
  private final XmlNode hardware;
  private final Map<Integer, XmlNode> devices;
  private final String name;
  private final Optional<String> datastore;
  private final Map<DiskKey, Long> sizes;
  private final boolean sameUuid;
  private final List<DiskFacts> disks;
  private final List<XmlNode> controllers;

  /**
   * @param configuration as {@link KeptConfiguration} keeps it
   * @param name as a vCenter writes it
   * @param datastore where all of it lies; empty to leave each file where it was
   * @param sizes in bytes, of the disks that it gets
   * @param sameUuid whether the guest finds the identity of the VM that was
   * @throws SourceException when a disk was not in the VM, or hangs on what cannot be made
   */
  MachineSpec(
      XmlNode configuration,
      String name,
      Optional<String> datastore,
      Map<DiskKey, Long> sizes,
      boolean sameUuid)
      throws IOException {
    this.configuration = configuration;
    this.hardware = configuration.required("hardware");
    this.devices = byKey(hardware.children("device"));
    this.name = name;
    this.datastore = datastore;
    this.sizes = Map.copyOf(sizes);
    this.sameUuid = sameUuid;
    this.disks =
        DiskFacts.of(List.copyOf(devices.values())).stream()
            .filter(disk -> sizes.containsKey(disk.diskKey()))
            .toList();
    if (disks.size() != sizes.size()) {
      throw refused("its configuration does not have all of its disks " + sizes.keySet());
    }
    this.controllers = controllers();
  }

  private static Map<Integer, XmlNode> byKey(List<XmlNode> devices) throws IOException {
    Map<Integer, XmlNode> byKey = new LinkedHashMap<>();
    for (XmlNode device : devices) {
      byKey.put((int) device.number("key"), device);
    }
    return byKey;
  }

  private SourceException refused(String why) {
    return new SourceException(SourceException.Kind.FAILED, name + ": " + why);
  }

  /** What the disks hang on, less what is there without being made. */
  private List<XmlNode> controllers() throws SourceException {
    List<XmlNode> made = new ArrayList<>();
    for (int key : disks.stream().map(DiskFacts::controllerKey).distinct().toList()) {
      XmlNode controller = devices.get(key);
      if (controller == null) {
        throw refused("its configuration has no controller " + key);
      }
      if (isController(controller)) {
        made.add(controller);
      } else if (!controller.type().equals(IDE)) {
        throw refused("disks hang on a " + controller.type() + ", which is not made anew");
      }
    }
    return made;
  }

  /** Devices that the VM had and this one will not have, for people. */
  List<String> leftOut() {
    Map<Integer, XmlNode> left = new LinkedHashMap<>(devices);
    disks.forEach(disk -> left.remove(disk.key()));
    left.values().removeIf(device -> GIVEN.contains(device.type()) || isController(device));
    return left.values().stream().map(MachineSpec::described).toList();
  }

  /** One that is made where a disk hangs on it. */
  private static boolean isController(XmlNode device) {
    return SCSI.contains(device.type()) || OTHER_CONTROLLERS.contains(device.type());
  }

  private static String described(XmlNode device) {
    StringBuilder text =
        new StringBuilder(
            device.child("deviceInfo").flatMap(info -> info.text("label")).orElse("a device"));
    text.append(" (").append(device.type());
    device.text("macAddress").ifPresent(address -> text.append(", ").append(address));
    device
        .child("backing")
        .flatMap(backing -> backing.text("deviceName"))
        .ifPresent(network -> text.append(", ").append(network));
    return text.append(')').toString();
  }

  /** Writes it as an element {@code config}, in the order of {@code VirtualMachineConfigSpec}. */
  void write(SoapBody body) {
    body.start("config").text("name", name);
    copy(body, configuration, "version", "version");
    if (sameUuid) {
      copy(body, configuration, "uuid", "uuid");
    }
    copy(body, configuration, "guestId", "guestId");
    copy(body, configuration, "annotation", "annotation");
    body.start("files").text("vmPathName", folder(configurationFile())).end();
    copy(body, hardware, "numCPU", "numCPUs");
    copy(body, hardware, "numCoresPerSocket", "numCoresPerSocket");
    copy(body, hardware, "memoryMB", "memoryMB");
    controllers.forEach(controller -> add(body, controller));
    disks.forEach(disk -> add(body, disk));
    boolean secureBoot =
        configuration
            .child("bootOptions")
            .filter(options -> options.flag("efiSecureBootEnabled"))
            .isPresent();
    if (secureBoot) {
      body.start("bootOptions").text("efiSecureBootEnabled", true).end();
    }
    copy(body, configuration, "firmware", "firmware");
    body.end();
  }

  private static void copy(SoapBody body, XmlNode from, String kept, String name) {
    from.text(kept).ifPresent(value -> body.text(name, value));
  }

  private String configurationFile() {
    return configuration.child("files").flatMap(files -> files.text("vmPathName")).orElse("");
  }

  /** The datastore of a file, where the server chooses a folder itself: {@code [datastore1]}. */
  private String folder(String file) {
    return datastore.map(other -> "[" + other + "]").orElse(file.replaceFirst("].*", "]"));
  }

  private static void add(SoapBody body, XmlNode controller) {
    body.start("deviceChange").text("operation", "add").start("device", controller.type());
    copy(body, controller, "key", "key");
    copy(body, controller, "busNumber", "busNumber");
    if (SCSI.contains(controller.type())) {
      body.text("sharedBus", "noSharing");
    }
    body.end().end();
  }

  private void add(SoapBody body, DiskFacts disk) {
    long size = sizes.getOrDefault(disk.diskKey(), 0L);
    body.start("deviceChange")
        .text("operation", "add")
        .text("fileOperation", "create")
        .start("device", "VirtualDisk")
        .text("key", disk.key())
        .start("backing", "VirtualDiskFlatVer2BackingInfo")
        .text("fileName", folder(disk.file()))
        .text("diskMode", "persistent")
        .text("thinProvisioned", disk.thin())
        .end()
        .text("controllerKey", disk.controllerKey())
        .text("unitNumber", disk.unit())
        .text("capacityInKB", (size + KIB - 1) / KIB)
        .text("capacityInBytes", size)
        .end()
        .end();
  }
}
