package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Reads properties of objects, page by page. Thread-safe. */
final class PropertyReader {

  private static final int OBJECTS_A_PAGE = 500;

  /** Of a property that this kind of object, or this release, does not have. */
  private static final Set<String> UNSET = Set.of("InvalidProperty");

  /** Also, among all objects, of one that has gone meanwhile, or that this user may not see. */
  private static final Set<String> UNSEEN =
      Set.of("InvalidProperty", "ManagedObjectNotFound", "NoPermission");

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
   * @throws VsphereFault {@code ManagedObjectNotFound} when there is no such object any more, and
   *     whatever else keeps the server from telling a property that it has
   */
  Properties of(Moref ref, String... paths) throws IOException {
    List<Properties> found =
        session.inSession(() ->
            read(
                () -> begin(ref.type(), paths).start("objectSet").ref("obj", ref).end().end(),
                UNSET));
    if (found.isEmpty()) {
      throw new SourceException(
          SourceException.Kind.NOT_FOUND, ref + ": the server shows nothing of it");
    }
    return found.getFirst();
  }

  /** Of all objects of a type in the whole inventory, as far as this user sees them. */
  List<Properties> ofAll(String type, String... paths) throws IOException {
    return session.inSession(() -> {
      Moref view =
          session
              .askOnce(
                  "CreateContainerView",
                  () ->
                      SoapBody.of("CreateContainerView", service("viewManager"))
                          .ref("container", service("rootFolder"))
                          .text("type", type)
                          .text("recursive", true))
              .required("returnval")
              .ref();
      try {
        return read(() -> within(view, begin(type, paths)), UNSEEN);
      } finally {
        // Of a session that has expired: this says so, whatever was said of the view that went.
        session.askOnce("DestroyView", () -> SoapBody.of("DestroyView", view));
      }
    });
  }

  private static SoapBody within(Moref view, SoapBody begun) {
    return begun
        .start("objectSet")
        .ref("obj", view)
        .text("skip", true)
        .start("selectSet", "TraversalSpec")
        .text("type", "ContainerView")
        .text("path", "view")
        .text("skip", false)
        .end()
        .end()
        .end();
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

  /**
   * Reads all pages.
   *
   * @param harmless faults for which a property counts as one that is not set
   */
  private List<Properties> read(Supplier<SoapBody> begun, Set<String> harmless) throws IOException {
    List<Properties> all = new ArrayList<>();
    Optional<XmlNode> page =
        session
            .askOnce(
                "RetrievePropertiesEx",
                () -> begun.get().start("options").text("maxObjects", OBJECTS_A_PAGE).end())
            .child("returnval");
    while (page.isPresent()) {
      for (XmlNode object : page.get().children("objects")) {
        all.add(properties(object, harmless));
      }
      Optional<String> token = page.get().text("token");
      page =
          token.isEmpty()
              ? Optional.empty()
              : session
                  .askOnce(
                      "ContinueRetrievePropertiesEx",
                      () ->
                          SoapBody.of("ContinueRetrievePropertiesEx", service("propertyCollector"))
                              .text("token", token.get()))
                  .child("returnval");
    }
    return all;
  }

  private static Properties properties(XmlNode object, Set<String> harmless) throws IOException {
    Moref ref = object.required("obj").ref();
    for (XmlNode missing : object.children("missingSet")) {
      VsphereFault fault = fault(ref, missing);
      if (harmless.stream().noneMatch(fault::is)) {
        throw fault;
      }
    }
    Map<String, XmlNode> values = new HashMap<>();
    for (XmlNode property : object.children("propSet")) {
      values.put(property.required("name").text(), property.required("val"));
    }
    return new Properties(ref, values);
  }

  /** Without a session, and without the right to look, a server answers, with this for each. */
  private static VsphereFault fault(Moref ref, XmlNode missing) throws IOException {
    XmlNode told = missing.required("fault");
    return SoapConnection.fault(
        ref + ": its property " + missing.required("path").text(),
        told.required("fault"),
        told.text("localizedMessage").orElse(""));
  }
}
