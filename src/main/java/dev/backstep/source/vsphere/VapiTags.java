package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The tags of a vCenter, which the Web Services API does not know: they are asked for by the REST
 * API, in a session of its own. What is answered stands in {@code value}; a list that is empty may
 * be left out.
 */
final class VapiTags implements AutoCloseable {

  private static final String SESSION = "/com/vmware/cis/session";
  private static final String CATEGORY = "/com/vmware/cis/tagging/category";
  private static final String TAG = "/com/vmware/cis/tagging/tag";
  private static final String ATTACHED = "/com/vmware/cis/tagging/tag-association";
  private static final int ANSWER_BYTES_MAX = 64 << 20;

  private final VsphereSettings settings;
  private final HttpClient http;
  private String session = "";

  private VapiTags(VsphereSettings settings) {
    this.settings = settings;
    this.http = SoapConnection.client(settings);
  }

  /**
   * Logs in. The caller closes it.
   *
   * @throws SourceException when that fails, {@code FAILED} where there is no such API
   */
  static VapiTags open(VsphereSettings settings) throws SourceException {
    VapiTags tags = new VapiTags(settings);
    try {
      tags.session = tags.call("POST", SESSION).asString();
      return tags;
    } catch (SourceException | RuntimeException e) {
      tags.http.close();
      throw e;
    }
  }

  /**
   * The VMs that a tag is attached to itself; one attached to their folder is not theirs.
   *
   * @throws SourceException {@code NOT_FOUND} when there is no such tag
   */
  Set<Moref> machines(String category, String tag) throws SourceException {
    String ofCategory = named(call("GET", CATEGORY), CATEGORY, category, "category of tags");
    String ofTag =
        named(
            call("POST", TAG + id(ofCategory) + "?~action=list-tags-for-category"),
            TAG,
            tag,
            "tag in category " + category);
    Set<Moref> machines = new HashSet<>();
    for (JsonNode one : call("POST", ATTACHED + id(ofTag) + "?~action=list-attached-objects")) {
      if (one.path("type").asString("").equals("VirtualMachine")) {
        machines.add(Moref.machine(one.path("id").asString("")));
      }
    }
    return machines;
  }

  /** Nothing is found by its name; each one is asked for it. */
  private String named(JsonNode ids, String kind, String name, String what) throws SourceException {
    for (JsonNode id : ids) {
      if (call("GET", kind + id(id.asString())).path("name").asString("").equals(name)) {
        return id.asString();
      }
    }
    throw new SourceException(
        SourceException.Kind.NOT_FOUND,
        settings.address()
            + ": there is no "
            + what
            + " named "
            + name
            + ", or "
            + settings.user()
            + " may not see it");
  }

  private static String id(String id) {
    return "/id:" + URLEncoder.encode(id, StandardCharsets.UTF_8);
  }

  private JsonNode call(String method, String resource) throws SourceException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(settings.endpoint("/rest" + resource))
            .timeout(SoapConnection.ANSWER_MAX)
            .header("Content-Type", "application/json")
            .method(
                method,
                method.equals("POST") ? BodyPublishers.ofString("{}") : BodyPublishers.noBody());
    if (session.isEmpty()) {
      request.header("Authorization", "Basic " + credentials());
    } else {
      request.header("vmware-api-session-id", session);
    }
    try {
      HttpResponse<byte[]> response =
          http.send(
              request.build(), BodyHandlers.limiting(BodyHandlers.ofByteArray(), ANSWER_BYTES_MAX));
      refuse(response.statusCode());
      return response.body().length == 0
          ? JsonMapper.shared().nullNode()
          : JsonMapper.shared().readTree(response.body()).path("value");
    } catch (SourceException e) {
      throw e;
    } catch (IOException | JacksonException | InterruptedException e) {
      throw new SourceException(
          SourceException.Kind.UNREACHABLE,
          settings.address() + ": tags: " + Optional.ofNullable(e.getMessage()).orElse(e + ""),
          e);
    }
  }

  private void refuse(int status) throws SourceException {
    switch (status) {
      case 200, 201, 204 -> {}
      case 401 -> throw new VsphereFault(settings.address() + ": tags", "InvalidLogin", "", "");
      case 403 -> throw new VsphereFault(settings.address() + ": tags", "NoPermission", "", "");
      case 404 ->
          throw new SourceException(
              SourceException.Kind.FAILED,
              settings.address()
                  + ": it knows no tags; only a vCenter does, an ESXi host does not");
      default ->
          throw new SourceException(
              SourceException.Kind.UNREACHABLE,
              settings.address() + ": tags: HTTP status " + status);
    }
  }

  private String credentials() throws SourceException {
    String both = settings.user() + ":" + settings.password();
    return Base64.getEncoder().encodeToString(both.getBytes(StandardCharsets.UTF_8));
  }

  /** Logs out. */
  @Override
  public void close() {
    try {
      call("DELETE", SESSION);
    } catch (SourceException e) {
      // A session that nobody uses ends by itself.
      session = "";
    } finally {
      http.close();
    }
  }
}
