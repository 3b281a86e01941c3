package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads properties of objects, page by page. Thread-safe. */
final class PropertyReader {

  private static final int OBJECTS_A_PAGE = 500;

  private final VimSession session;

  PropertyReader(VimSession session) {
    this.session = session;
  }

  /**
   * An object with those of the asked properties that it has.
   *
   * @param values by path, such as {@code config.name}
   */
  record Properties(Moref ref, Map<String, XmlNode> values) {

    Optional<XmlNode> find(String path) {
      return Optional.ofNullable(values.get(path));
    }

    Optional<String> text(String path) {
      return find(path).map(XmlNode::text).filter(text -> !text.isEmpty());
    }

    boolean flag(String path) {
      return text(path).filter(text -> text.equals("true")).isPresent();
    }

    /** The elements of an array property; none when it is not set. */
    List<XmlNode> array(String path) {
      return find(path).map(XmlNode::children).orElse(List.of());
    }
  }

  /**
   * @throws VsphereFault {@code ManagedObjectNotFound} when there is no such object any more
   */
  Properties of(Moref ref, String... paths) throws IOException {
    List<Properties> found =
        read(() -> {
          SoapBody body = begin(ref.type(), paths);
          return body.start("objectSet").ref("obj", ref).end().end();
        });
    if (found.isEmpty()) {
      throw new SourceException(
          SourceException.Kind.NOT_FOUND, ref + ": the server shows nothing of it");
    }
    return found.getFirst();
  }

  /** Of all objects of a type in the whole inventory, as far as this user sees them. */
  List<Properties> ofAll(String type, String... paths) throws IOException {
    Moref view =
        session
            .ask(
                "CreateContainerView",
                () ->
                    SoapBody.of("CreateContainerView", service("viewManager"))
                        .ref("container", service("rootFolder"))
                        .text("type", type)
                        .text("recursive", true))
            .required("returnval")
            .ref();
    try {
      return read(() -> {
        SoapBody body = begin(type, paths);
        return body.start("objectSet")
            .ref("obj", view)
            .text("skip", true)
            .start("selectSet", "TraversalSpec")
            .text("type", "ContainerView")
            .text("path", "view")
            .text("skip", false)
            .end()
            .end()
            .end();
      });
    } finally {
      session.ask("DestroyView", () -> SoapBody.of("DestroyView", view));
    }
  }

  private SoapBody begin(String type, String... paths) {
    SoapBody body =
        SoapBody.of("RetrievePropertiesEx", service("propertyCollector"))
            .start("specSet")
            .start("propSet")
            .text("type", type);
    for (String path : paths) {
      body.text("pathSet", path);
    }
    return body.end();
  }

  private Moref service(String name) {
    return session.service(name);
  }

  private List<Properties> read(java.util.function.Supplier<SoapBody> begun) throws IOException {
    List<Properties> all = new ArrayList<>();
    Optional<XmlNode> page =
        session
            .ask(
                "RetrievePropertiesEx",
                () -> begun.get().start("options").text("maxObjects", OBJECTS_A_PAGE).end())
            .child("returnval");
    while (page.isPresent()) {
      for (XmlNode object : page.get().children("objects")) {
        all.add(properties(object));
      }
      Optional<String> token = page.get().text("token");
      page =
          token.isEmpty()
              ? Optional.empty()
              : session
                  .ask(
                      "ContinueRetrievePropertiesEx",
                      () ->
                          SoapBody.of("ContinueRetrievePropertiesEx", service("propertyCollector"))
                              .text("token", token.get()))
                  .child("returnval");
    }
    return all;
  }

  private static Properties properties(XmlNode object) throws IOException {
    Map<String, XmlNode> values = new HashMap<>();
    for (XmlNode property : object.children("propSet")) {
      values.put(property.required("name").text(), property.required("val"));
    }
    return new Properties(object.required("obj").ref(), values);
  }
}
