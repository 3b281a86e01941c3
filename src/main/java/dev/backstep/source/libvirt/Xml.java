package dev.backstep.source.libvirt;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** The little of XML that libvirt's documents need. */
final class Xml {

  private Xml() {}

  /** The root element; nothing outside of the text is ever fetched. */
  static Element parse(String text) throws SourceException {
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultInstance();
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      return factory
          .newDocumentBuilder()
          .parse(new InputSource(new StringReader(text)))
          .getDocumentElement();
    } catch (ParserConfigurationException | SAXException | IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, "libvirt gave what is no XML: " + e.getMessage(), e);
    }
  }

  static Element root(String name) {
    try {
      Document document =
          DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder().newDocument();
      Element root = document.createElement(name);
      document.appendChild(root);
      return root;
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException(e);
    }
  }

  static Element add(Element parent, String name) {
    Element child = parent.getOwnerDocument().createElement(name);
    parent.appendChild(child);
    return child;
  }

  static void add(Element parent, String name, String text) {
    add(parent, name).setTextContent(text);
  }

  /** The elements of that name directly below. */
  static List<Element> children(Element parent, String name) {
    List<Element> found = new ArrayList<>();
    for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element element && element.getTagName().equals(name)) {
        found.add(element);
      }
    }
    return found;
  }

  /** The first element at that path below. */
  static Optional<Element> find(Element parent, String... path) {
    Optional<Element> at = Optional.of(parent);
    for (String name : path) {
      at = at.flatMap(element -> children(element, name).stream().findFirst());
    }
    return at;
  }

  static String text(Element parent, String... path) {
    return find(parent, path).map(element -> element.getTextContent().strip()).orElse("");
  }

  /** An attribute; empty where it or the element is not there. */
  static String attribute(Element parent, String name, String... path) {
    return find(parent, path).map(element -> element.getAttribute(name)).orElse("");
  }

  static String write(Element root) {
    try {
      Transformer transformer = TransformerFactory.newDefaultInstance().newTransformer();
      transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
      StringWriter text = new StringWriter();
      transformer.transform(new DOMSource(root), new StreamResult(text));
      return text.toString();
    } catch (TransformerException e) {
      throw new IllegalStateException(e);
    }
  }
}
