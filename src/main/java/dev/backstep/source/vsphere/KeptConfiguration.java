package dev.backstep.source.vsphere;

import java.util.List;
import org.w3c.dom.Node;

/** The configuration of a VM as a restore point keeps it: what the server told, in XML. */
final class KeptConfiguration {

  /** What a guest was given to configure itself with holds passwords more often than not. */
  private static final List<String> LEFT_OUT = List.of("guestinfo.");

  private KeptConfiguration() {}

  static String of(XmlNode config) {
    XmlNode copy = new XmlNode((org.w3c.dom.Element) config.element().cloneNode(true));
    for (XmlNode option : copy.children("extraConfig")) {
      String key = option.text("key").orElse("");
      if (LEFT_OUT.stream().anyMatch(key::startsWith)) {
        Node element = option.element();
        copy.element().removeChild(element);
      }
    }
    return copy.xml();
  }
}
