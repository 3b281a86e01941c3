package dev.backstep.source.vsphere;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/** An element of an answer. What is optional in the schema is an empty {@code Optional} here. */
record XmlNode(Element element) {

  private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";

  /**
   * Parses an answer. Document types, and with them entities, are refused.
   *
   * @throws IOException when it is no XML
   */
  static XmlNode parse(byte[] bytes) throws IOException {
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
      factory.setNamespaceAware(true);
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setXIncludeAware(false);
      factory.setExpandEntityReferences(false);
      DocumentBuilder builder = factory.newDocumentBuilder();
      builder.setErrorHandler(null);
      return new XmlNode(builder.parse(new ByteArrayInputStream(bytes)).getDocumentElement());
    } catch (SAXException e) {
      throw new IOException("its answer is no XML that is accepted: " + e.getMessage(), e);
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("this JDK has no XML parser", e);
    }
  }

  String name() {
    return element.getLocalName();
  }

  /** The type that the sender says it has, without a prefix; empty where the schema says it. */
  String type() {
    String type = element.getAttributeNS(XSI, "type");
    return type.substring(type.indexOf(':') + 1);
  }

  String text() {
    return element.getTextContent().strip();
  }

  /** The object that this refers to. */
  Moref ref() {
    return new Moref(element.getAttribute("type"), text());
  }

  List<XmlNode> children() {
    List<XmlNode> children = new ArrayList<>();
    for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element child) {
        children.add(new XmlNode(child));
      }
    }
    return children;
  }

  List<XmlNode> children(String name) {
    return children().stream().filter(child -> child.name().equals(name)).toList();
  }

  Optional<XmlNode> child(String name) {
    return children(name).stream().findFirst();
  }

  /**
   * @throws IOException when it is not there, as the schema says it is
   */
  XmlNode required(String name) throws IOException {
    return child(name)
        .orElseThrow(() ->
            new IOException(
                "its answer has no element " + name + " in " + name() + " as expected"));
  }

  Optional<String> text(String name) {
    return child(name).map(XmlNode::text).filter(text -> !text.isEmpty());
  }

  boolean flag(String name) {
    return text(name).filter(text -> text.equals("true") || text.equals("1")).isPresent();
  }

  /**
   * @throws IOException when it is not there or no number
   */
  long number(String name) throws IOException {
    String text = required(name).text();
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IOException("its answer has " + text + " as " + name + ", expected a number", e);
    }
  }

  /** This element as text. */
  String xml() {
    try {
      Transformer transformer = TransformerFactory.newInstance().newTransformer();
      transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
      StringWriter text = new StringWriter();
      transformer.transform(new DOMSource(element), new StreamResult(text));
      return text.toString();
    } catch (TransformerException e) {
      throw new IllegalStateException("this JDK cannot write XML", e);
    }
  }
}
