package dev.backstep.source.libvirt;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.SourceException;
import java.util.ArrayList;
import java.util.List;
import org.w3c.dom.Element;

/**
 * A domain as its XML describes it.
 *
 * @param agent whether the guest's agent is connected
 * @param disks what a backup can hold, in libvirt's order; no CD-ROMs and no empty drives
 */
record Domain(String name, String uuid, boolean agent, List<Disk> disks) {

  Domain {
    disks = List.copyOf(disks);
  }

  /**
   * One disk.
   *
   * @param key the target's name, such as {@code vda}
   * @param type {@code file}, {@code block}, {@code network}, ...
   * @param location path of the file or device; empty for other types
   * @param format {@code qcow2}, {@code raw}, ...
   * @param index libvirt's number of its image, which names QEMU's node of it; empty while the
   *     domain is off
   * @param lasting whether what is written to it stays: neither read-only nor transient
   */
  record Disk(
      DiskKey key, String type, String location, String format, String index, boolean lasting) {

    /** Whether its format keeps bitmaps, as far as the domain's XML tells. */
    boolean isQcow2() {
      return format.equals("qcow2");
    }

    boolean isFile() {
      return !location.isEmpty();
    }
  }

  static Domain parse(String xml) throws SourceException {
    Element root = Xml.parse(xml);
    List<Disk> disks = new ArrayList<>();
    for (Element devices : Xml.children(root, "devices")) {
      for (Element disk : Xml.children(devices, "disk")) {
        String kind = disk.getAttribute("device");
        if ((kind.isEmpty() || kind.equals("disk")) && Xml.find(disk, "source").isPresent()) {
          disks.add(disk(disk));
        }
      }
    }
    return new Domain(Xml.text(root, "name"), Xml.text(root, "uuid"), hasAgent(root), disks);
  }

  private static boolean hasAgent(Element root) {
    return Xml.children(root, "devices").stream()
        .flatMap(devices -> Xml.children(devices, "channel").stream())
        .flatMap(channel -> Xml.children(channel, "target").stream())
        .filter(target -> target.getAttribute("name").equals("org.qemu.guest_agent.0"))
        .anyMatch(target -> target.getAttribute("state").equals("connected"));
  }

  private static Disk disk(Element disk) {
    String type = disk.getAttribute("type");
    String location =
        switch (type) {
          case "file" -> Xml.attribute(disk, "file", "source");
          case "block" -> Xml.attribute(disk, "dev", "source");
          default -> "";
        };
    String format = Xml.attribute(disk, "type", "driver");
    boolean lasting = Xml.find(disk, "readonly").isEmpty() && Xml.find(disk, "transient").isEmpty();
    return new Disk(
        new DiskKey(Xml.attribute(disk, "dev", "target")),
        type,
        location,
        format.isEmpty() ? "raw" : format,
        Xml.attribute(disk, "index", "source"),
        lasting);
  }
}
