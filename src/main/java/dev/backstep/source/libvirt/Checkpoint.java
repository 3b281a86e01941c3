package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.SourceException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.w3c.dom.Element;

/**
 * A checkpoint of ours: a bitmap of its name in each of its disks. The disks' sizes stand in its
 * description, which libvirt keeps as it is.
 *
 * @param sizes the tracked disks and their sizes in bytes at its moment
 */
record Checkpoint(ChangeId name, Map<DiskKey, Long> sizes) {

  private static final String DESCRIPTION = "backstep";

  Checkpoint {
    sizes = Map.copyOf(sizes);
  }

  /** A checkpoint to be made in this moment. */
  String xml(Domain domain) {
    return Xml.write(element(domain));
  }

  private Element element(Domain domain) {
    Element root = Xml.root("domaincheckpoint");
    Xml.add(root, "name", name.value());
    Xml.add(root, "description", description());
    Element disks = Xml.add(root, "disks");
    for (Domain.Disk disk : domain.disks()) {
      Element element = Xml.add(disks, "disk");
      element.setAttribute("name", disk.key().value());
      if (sizes.containsKey(disk.key())) {
        element.setAttribute("checkpoint", "bitmap");
        element.setAttribute("bitmap", name.value());
      } else {
        element.setAttribute("checkpoint", "no");
      }
    }
    return root;
  }

  /**
   * A checkpoint whose bitmaps are there already, to be made known to libvirt.
   *
   * @param domainXml the domain's definition, whole
   */
  String redefinition(Domain domain, String domainXml, Instant madeAt) throws SourceException {
    return Xml.write(redefined(domain, domainXml, madeAt));
  }

  private Element redefined(Domain domain, String domainXml, Instant madeAt)
      throws SourceException {
    Element root = element(domain);
    Xml.add(root, "creationTime", String.valueOf(madeAt.getEpochSecond()));
    root.appendChild(root.getOwnerDocument().importNode(Xml.parse(domainXml), true));
    return root;
  }

  /**
   * What libvirt has to be told of a checkpoint that it has forgotten, so that it can delete it; it
   * is not known which of the disks it was of, nor how large they were.
   *
   * @param domainXml the domain's definition, whole
   * @return empty when no disk can have a bitmap
   */
  static Optional<String> forgotten(ChangeId name, Domain domain, String domainXml)
      throws SourceException {
    Map<DiskKey, Long> disks = new LinkedHashMap<>();
    for (Domain.Disk disk : domain.disks()) {
      if (Untracked.cause(disk).isEmpty()) {
        disks.put(disk.key(), 0L);
      }
    }
    if (disks.isEmpty()) {
      return Optional.empty();
    }
    Element root = new Checkpoint(name, disks).redefined(domain, domainXml, Instant.now());
    Xml.children(root, "description").forEach(root::removeChild);
    return Optional.of(Xml.write(root));
  }

  private String description() {
    return DESCRIPTION
        + sizes.entrySet().stream()
            .sorted(Map.Entry.comparingByKey((a, b) -> a.value().compareTo(b.value())))
            .map(disk -> " " + disk.getKey() + "=" + disk.getValue())
            .collect(Collectors.joining());
  }

  /** Reads what libvirt gives out; a disk whose size is not told is not in {@link #sizes}. */
  static Checkpoint parse(String xml) throws SourceException {
    Element root = Xml.parse(xml);
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    for (String word : Xml.text(root, "description").split(" ")) {
      int equals = word.lastIndexOf('=');
      if (equals > 0 && word.substring(equals + 1).matches("[0-9]{1,18}")) {
        sizes.put(
            new DiskKey(word.substring(0, equals)), Long.parseLong(word.substring(equals + 1)));
      }
    }
    return new Checkpoint(new ChangeId(Xml.text(root, "name")), sizes);
  }

  OptionalLong sizeOf(DiskKey disk) {
    Long size = sizes.get(disk);
    return size == null ? OptionalLong.empty() : OptionalLong.of(size);
  }
}
