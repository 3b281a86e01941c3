package dev.backstep.source.vsphere;

import dev.backstep.domain.DiskKey;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A virtual disk as a configuration has it: that of the VM, or that of one of its snapshots.
 *
 * @param key the device's key: stays with the disk, whatever happens to its files
 * @param controllerKey with {@code unit}, the disk's place, which orders disks
 * @param label such as {@code Hard disk 1}
 * @param backing the type of its backing, such as {@code VirtualDiskFlatVer2BackingInfo}
 * @param file such as {@code [datastore1] web/web_1.vmdk}; empty where it has none
 * @param mode such as {@code persistent} or {@code independent_persistent}
 * @param physical a mapping that passes the commands of the guest on
 * @param shared its bus or the disk itself is shared with other VMs
 * @param thin its file grows with what is written; so where that is not told
 * @param changeId of this configuration's moment; empty where changes are not tracked
 */
record DiskFacts(
    int key,
    int controllerKey,
    int unit,
    String label,
    long sizeBytes,
    String backing,
    String file,
    String mode,
    boolean physical,
    boolean shared,
    boolean thin,
    Optional<String> changeId) {

  DiskKey diskKey() {
    return new DiskKey(String.valueOf(key));
  }

  /** The disks among the devices of a {@code config.hardware}, by their place. */
  static List<DiskFacts> of(List<XmlNode> devices) throws IOException {
    Map<String, Boolean> sharedBuses = new HashMap<>();
    for (XmlNode device : devices) {
      String sharing = device.text("sharedBus").orElse("noSharing");
      sharedBuses.put(device.text("key").orElse(""), !sharing.equals("noSharing"));
    }
    List<DiskFacts> disks = new java.util.ArrayList<>();
    for (XmlNode device : devices) {
      if (device.type().equals("VirtualDisk")) {
        disks.add(of(device, sharedBuses));
      }
    }
    disks.sort(
        Comparator.comparingInt(DiskFacts::controllerKey)
            .thenComparingInt(DiskFacts::unit)
            .thenComparingInt(DiskFacts::key));
    return List.copyOf(disks);
  }

  private static DiskFacts of(XmlNode device, Map<String, Boolean> sharedBuses) throws IOException {
    XmlNode backing = device.required("backing");
    String controller = device.text("controllerKey").orElse("0");
    boolean multiWriter =
        backing.text("sharing").filter(sharing -> sharing.equals("sharingMultiWriter")).isPresent();
    return new DiskFacts(
        (int) device.number("key"),
        Integer.parseInt(controller),
        Integer.parseInt(device.text("unitNumber").orElse("0")),
        device.child("deviceInfo").flatMap(info -> info.text("label")).orElse("disk"),
        sizeBytes(device),
        backing.type(),
        backing.text("fileName").or(() -> backing.text("descriptorFileName")).orElse(""),
        backing.text("diskMode").orElse("persistent"),
        backing.type().startsWith("VirtualDiskRawDiskVer2")
            || backing
                .text("compatibilityMode")
                .filter(mode -> mode.equals("physicalMode"))
                .isPresent(),
        multiWriter || sharedBuses.getOrDefault(controller, false),
        backing.text("thinProvisioned").filter("false"::equals).isEmpty(),
        backing.text("changeId"));
  }

  /** Releases before 5.5 tell the size in KiB only. */
  private static long sizeBytes(XmlNode device) throws IOException {
    return device.text("capacityInBytes").isPresent()
        ? device.number("capacityInBytes")
        : device.number("capacityInKB") * 1024;
  }

  /** Why no snapshot can hold this disk; empty when one can. */
  Optional<String> obstacle() {
    if (mode.startsWith("independent")) {
      return Optional.of(
          "is " + mode + ": snapshots leave it out; make it dependent, with the VM off");
    }
    if (physical) {
      return Optional.of(
          "is a raw device in physical mode: snapshots leave it out; use virtual mode, or back it"
              + " up from within the guest");
    }
    if (backing.contains("LocalPMem")) {
      return Optional.of("is persistent memory, of which there are no snapshots");
    }
    if (shared) {
      return Optional.of(
          "is shared with other VMs (shared bus or multi-writer), which rules snapshots out; back"
              + " it up from within the guest");
    }
    return Optional.empty();
  }

  @Override
  public String toString() {
    return key + " (" + label + (file.isEmpty() ? "" : ", " + file) + ")";
  }
}
