package dev.backstep.api;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.springframework.http.HttpStatus;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A request's JSON object: bounded, and read field by field with answers that name the field. */
final class RequestBody {

  private static final int BYTES_MAX = 64 << 10;
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final JsonNode node;

  private RequestBody(JsonNode node) {
    this.node = node;
  }

  /**
   * @param fields the fields that are accepted; any other is refused
   */
  static RequestBody read(HttpServletRequest request, Set<String> fields) throws IOException {
    String type = String.valueOf(request.getContentType()).toLowerCase(Locale.ROOT);
    if (!type.startsWith("application/json")) {
      throw new Problem(
          HttpStatus.UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json, not " + type);
    }
    byte[] bytes = request.getInputStream().readNBytes(BYTES_MAX + 1);
    if (bytes.length > BYTES_MAX) {
      throw new Problem(
          HttpStatus.CONTENT_TOO_LARGE, "the body is longer than " + BYTES_MAX + " bytes");
    }
    JsonNode node;
    try {
      node = JSON.readTree(bytes);
    } catch (JacksonException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, "the body is no JSON: " + e.getOriginalMessage());
    }
    if (!node.isObject()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "the body must be a JSON object");
    }
    for (String name : node.propertyNames()) {
      if (!fields.contains(name)) {
        throw new Problem(
            HttpStatus.BAD_REQUEST, "unknown field '" + name + "'; accepted: " + fields);
      }
    }
    return new RequestBody(node);
  }

  String text(String field) {
    return find(field)
        .orElseThrow(
            () -> new Problem(HttpStatus.BAD_REQUEST, "the field '" + field + "' is missing"));
  }

  Optional<String> find(String field) {
    JsonNode value = node.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isString() || value.asString().isBlank()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "' must be a text that is not empty");
    }
    return Optional.of(value.asString());
  }

  boolean flag(String field) {
    JsonNode value = node.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return false;
    }
    if (!value.isBoolean()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "' must be true or false");
    }
    return value.asBoolean();
  }

  List<String> texts(String field) {
    JsonNode value = node.path(field);
    List<String> texts = new ArrayList<>();
    if (value.isMissingNode() || value.isNull()) {
      return texts;
    }
    for (JsonNode item : value) {
      if (!item.isString() || item.asString().contains("\n")) {
        throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "' must be a list of texts");
      }
      texts.add(item.asString());
    }
    if (!value.isArray()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "' must be a list of texts");
    }
    return texts;
  }
}
