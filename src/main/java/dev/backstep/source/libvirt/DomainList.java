package dev.backstep.source.libvirt;

import dev.backstep.source.ListedVm;
import dev.backstep.source.SourceException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * The domains that a daemon has, with what definitions select them by. Tags are the words of the
 * element {@code tags} of our namespace in a domain's metadata, whatever its prefix:
 *
 * <pre>
 * &lt;metadata&gt;
 *   &lt;backstep:tags xmlns:backstep="urn:backstep:libvirt:1"&gt;nightly gold&lt;/backstep:tags&gt;
 * &lt;/metadata&gt;
 * </pre>
 */
final class DomainList {

  static final String NAMESPACE = "urn:backstep:libvirt:1";

  private static final String TAGS = "tags";

  private DomainList() {}

  /** By name. */
  static List<ListedVm> of(HypervisorControl control) throws SourceException {
    List<ListedVm> found = new ArrayList<>();
    for (String uuid : control.domains()) {
      try {
        found.add(parse(control.definition(uuid, HypervisorControl.View.LIVE)));
      } catch (ControlException e) {
        if (e.why() != ControlException.Why.NO_DOMAIN) {
          throw e;
        }
        // Removed since it was listed.
      }
    }
    found.sort(Comparator.comparing(ListedVm::name));
    return found;
  }

  static ListedVm parse(String xml) throws SourceException {
    Element root = Xml.parse(xml);
    return new ListedVm(
        Xml.text(root, "name"),
        Xml.text(root, "title"),
        tags(root),
        Map.of(LibvirtSettings.DOMAIN, Xml.text(root, "uuid")));
  }

  private static Set<String> tags(Element root) {
    Set<String> tags = new LinkedHashSet<>();
    for (Element metadata : Xml.children(root, "metadata")) {
      for (Node node = metadata.getFirstChild(); node != null; node = node.getNextSibling()) {
        if (node instanceof Element element && isOurs(element)) {
          Arrays.stream(element.getTextContent().strip().split("[\\s,]+"))
              .filter(tag -> !tag.isEmpty())
              .forEach(tags::add);
        }
      }
    }
    return tags;
  }

  /** libvirt declares the namespace at the element itself. */
  private static boolean isOurs(Element element) {
    String[] parts = element.getTagName().split(":", 2);
    String declaration = parts.length == 2 ? "xmlns:" + parts[0] : "xmlns";
    return parts[parts.length - 1].equals(TAGS)
        && element.getAttribute(declaration).equals(NAMESPACE);
  }
}
