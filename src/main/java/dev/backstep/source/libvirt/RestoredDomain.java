package dev.backstep.source.libvirt;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.w3c.dom.Element;

/** A domain built from what a restore point keeps of one and from its restored disks. */
public final class RestoredDomain {

  /** Under which name restore points keep a domain's XML. */
  public static final String DEFINITION = "libvirt-domain";

  /** Parts of a disk that are true of the old one only. */
  private static final List<String> OF_THE_OLD_DISK =
      List.of("source", "backingStore", "mirror", "auth", "encryption");

  private RestoredDomain() {}

  /**
   * Makes a domain known to libvirt; it is not started. Under its old name it takes its old place,
   * with its UUID and its network addresses; under another one it is a new domain.
   *
   * @param uri the daemon
   * @param definition the XML that the restore point keeps
   * @param name the domain's name
   * @param disks the restored files; other disks are left out
   * @param format of the files
   * @param folder where a file may be made that is gone when this returns
   * @throws SourceException when libvirt refuses, or a domain of that name runs
   */
  public static void define(
      String uri,
      String definition,
      String name,
      Map<DiskKey, Path> disks,
      String format,
      Path folder)
      throws SourceException {
    requireOff(uri, name, folder);
    Controls.of(uri, folder).define(xml(definition, name, disks, format));
  }

  /**
   * Asks whether {@link #define} could take that name.
   *
   * @throws SourceException when a domain of that name runs, or the daemon cannot be asked
   */
  public static void requireOff(String uri, String name, Path folder) throws SourceException {
    HypervisorControl control = Controls.of(uri, folder);
    try {
      if (control.state(name) != HypervisorControl.State.SHUT_OFF) {
        throw new SourceException(
            SourceException.Kind.LOCKED,
            "domain " + name + " is not off; shut it down, or choose another name");
      }
    } catch (ControlException e) {
      if (e.why() != ControlException.Why.NO_DOMAIN) {
        throw e;
      }
    }
  }

  static String xml(String definition, String name, Map<DiskKey, Path> disks, String format)
      throws SourceException {
    Element root = Xml.parse(definition);
    boolean isNew = !Xml.text(root, "name").equals(name);
    Xml.find(root, "name").ifPresent(element -> element.setTextContent(name));
    if (isNew) {
      Xml.children(root, "uuid").forEach(root::removeChild);
      // The file is the old domain's; libvirt makes one from its template.
      Xml.find(root, "os").ifPresent(os -> Xml.children(os, "nvram").forEach(os::removeChild));
    }
    for (Element devices : Xml.children(root, "devices")) {
      for (Element network : Xml.children(devices, "interface")) {
        if (isNew) {
          Xml.children(network, "mac").forEach(network::removeChild);
        }
      }
      for (Element disk : Xml.children(devices, "disk")) {
        put(devices, disk, disks, format);
      }
    }
    return Xml.write(root);
  }

  private static void put(Element devices, Element disk, Map<DiskKey, Path> disks, String format) {
    String kind = disk.getAttribute("device");
    Path file = disks.get(new DiskKey(Xml.attribute(disk, "dev", "target")));
    if (file == null) {
      if (kind.isEmpty() || kind.equals("disk")) {
        devices.removeChild(disk);
      }
      return;
    }
    for (String part : OF_THE_OLD_DISK) {
      Xml.children(disk, part).forEach(disk::removeChild);
    }
    disk.setAttribute("type", "file");
    Xml.add(disk, "source").setAttribute("file", file.toAbsolutePath().toString());
    Element driver = Xml.find(disk, "driver").orElseGet(() -> Xml.add(disk, "driver"));
    driver.setAttribute("name", "qemu");
    driver.setAttribute("type", format);
  }
}
