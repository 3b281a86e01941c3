package dev.backstep.source.vsphere;

import java.io.StringWriter;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Writes one request. The schema of vim25 is made of sequences: elements stand in its order, and a
 * real vCenter refuses any other.
 */
final class SoapBody {

  private static final XMLOutputFactory FACTORY = XMLOutputFactory.newFactory();
  private static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
  private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";
  private static final String VIM = "urn:vim25";

  private final StringWriter text = new StringWriter();
  private final XMLStreamWriter writer;

  private SoapBody(String method) {
    try {
      writer = FACTORY.createXMLStreamWriter(text);
      writer.writeStartElement("s", "Envelope", SOAP);
      writer.writeNamespace("s", SOAP);
      writer.writeNamespace("xsi", XSI);
      writer.writeStartElement("s", "Body", SOAP);
      writer.writeStartElement(method);
      writer.writeDefaultNamespace(VIM);
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A request that calls a method of an object. */
  static SoapBody of(String method, Moref self) {
    return new SoapBody(method).ref("_this", self);
  }

  SoapBody ref(String name, Moref ref) {
    try {
      writer.writeStartElement(name);
      writer.writeAttribute("type", ref.type());
      writer.writeCharacters(ref.value());
      writer.writeEndElement();
      return this;
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }

  SoapBody text(String name, Object value) {
    return start(name).characters(value.toString()).end();
  }

  /** Opens an element; {@link #end} closes it. */
  SoapBody start(String name) {
    try {
      writer.writeStartElement(name);
      return this;
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Opens an element of a derived type. */
  SoapBody start(String name, String type) {
    start(name);
    try {
      writer.writeAttribute("xsi", XSI, "type", type);
      return this;
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }

  SoapBody end() {
    try {
      writer.writeEndElement();
      return this;
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }

  /** XML 1.0 has no way to write control characters, so they become question marks. */
  private SoapBody characters(String value) {
    try {
      writer.writeCharacters(value.replaceAll("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]", "?"));
      return this;
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The whole request; nothing can be written behind it. */
  String envelope() {
    try {
      writer.writeEndDocument();
      writer.flush();
      return text.toString();
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
  }
}
