package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.w3c.dom.Element;

/**
 * A backup job in pull mode: its disks as they are in the instant it begins, behind a unix socket.
 *
 * @param socket absolute
 * @param since for each disk whose export shows what changed, the change id that it shows that
 *     since
 */
record BackupJob(Path socket, Map<DiskKey, ChangeId> since, Set<DiskKey> disks) {

  private static final String SOCKET_SUFFIX = ".sock";

  BackupJob {
    since = Map.copyOf(since);
    disks = Set.copyOf(disks);
  }

  /** The bitmap behind which a disk's export shows what changed. */
  static String bitmap(DiskKey disk) {
    return "backup-" + disk;
  }

  /** Where the old content of what the guest overwrites goes. */
  Path scratch(DiskKey disk) {
    String name = String.valueOf(socket.getFileName());
    String stem = name.substring(0, name.length() - SOCKET_SUFFIX.length());
    return socket.resolveSibling(stem + "." + disk + ".scratch");
  }

  String xml(Domain domain) {
    Element root = Xml.root("domainbackup");
    root.setAttribute("mode", "pull");
    Element server = Xml.add(root, "server");
    server.setAttribute("transport", "unix");
    server.setAttribute("socket", socket.toString());
    Element list = Xml.add(root, "disks");
    for (Domain.Disk disk : domain.disks()) {
      DiskKey key = disk.key();
      Element element = Xml.add(list, "disk");
      element.setAttribute("name", key.value());
      if (!disks.contains(key)) {
        element.setAttribute("backup", "no");
        continue;
      }
      element.setAttribute("backup", "yes");
      element.setAttribute("type", "file");
      element.setAttribute("exportname", key.value());
      ChangeId mark = since.get(key);
      if (mark == null) {
        element.setAttribute("backupmode", "full");
      } else {
        element.setAttribute("backupmode", "incremental");
        element.setAttribute("incremental", mark.value());
        element.setAttribute("exportbitmap", bitmap(key));
      }
      Xml.add(element, "scratch").setAttribute("file", scratch(key).toString());
    }
    return Xml.write(root);
  }

  /** The socket of a running job; empty for one that has none. */
  static String socketOf(String xml) throws SourceException {
    return Xml.attribute(Xml.parse(xml), "socket", "server");
  }

  /** The disks that a running job shows. */
  static Set<DiskKey> disksOf(String xml) throws SourceException {
    Set<DiskKey> disks = new LinkedHashSet<>();
    for (Element list : Xml.children(Xml.parse(xml), "disks")) {
      for (Element disk : Xml.children(list, "disk")) {
        if (disk.getAttribute("backup").equals("yes")) {
          disks.add(new DiskKey(disk.getAttribute("name")));
        }
      }
    }
    return disks;
  }
}
