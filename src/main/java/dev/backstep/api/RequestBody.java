package dev.backstep.api;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.http.HttpStatus;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A request's JSON object: bounded, and read field by field with answers that name the field. */
final class RequestBody {

  private static final int BYTES_MAX = 64 << 10;
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** The fields that name what a request is about. */
  private static final List<String> SUBJECTS =
      List.of("vm_name", "vm_names", "vm_path", "backup_id", "backup_ids", "onto_vm");

  private static final String ON_SUBJECT = RequestBody.class.getName() + ".onSubject";

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
    RequestBody body = of(node, "the body", fields);
    body.tell(request);
    return body;
  }

  /** Has it told what a request is about when its body is read, which is before it is done. */
  static void onSubject(HttpServletRequest request, Consumer<String> listener) {
    request.setAttribute(ON_SUBJECT, new Listener(listener));
  }

  private record Listener(Consumer<String> told) {}

  private void tell(HttpServletRequest request) {
    String subject =
        SUBJECTS.stream()
            .map(node::path)
            .flatMap(value -> value.isArray() ? value.valueStream() : Stream.of(value))
            .filter(JsonNode::isString)
            .map(value -> value.asString().replaceAll("\\p{Cntrl}", " "))
            .collect(Collectors.joining(" "));
    if (!subject.isBlank() && request.getAttribute(ON_SUBJECT) instanceof Listener listener) {
      listener.told().accept(subject);
    }
  }

  private static RequestBody of(JsonNode node, String what, Set<String> fields) {
    if (!node.isObject()) {
      throw new Problem(HttpStatus.BAD_REQUEST, what + " must be a JSON object");
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

  boolean has(String field) {
    return node.has(field);
  }

  /** A text that may be empty or null, and must be there. */
  Optional<String> textOrNothing(String field) {
    if (!has(field)) {
      throw new Problem(HttpStatus.BAD_REQUEST, "the field '" + field + "' is missing");
    }
    JsonNode value = node.path(field);
    return value.isString() && value.asString().isEmpty() ? Optional.empty() : find(field);
  }

  /** A whole number, at least 0. */
  OptionalLong number(String field) {
    JsonNode value = node.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return OptionalLong.empty();
    }
    if (!value.isIntegralNumber() || value.bigIntegerValue().signum() < 0) {
      throw new Problem(
          HttpStatus.BAD_REQUEST, "'" + field + "' must be a whole number of at least 0");
    }
    if (!value.canConvertToLong()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "' is " + value + ", too large");
    }
    return OptionalLong.of(value.asLong());
  }

  /** As {@link #number}, no larger than an {@code int} holds. */
  OptionalInt smallNumber(String field) {
    OptionalLong number = number(field);
    if (number.isEmpty()) {
      return OptionalInt.empty();
    }
    if (number.getAsLong() > Integer.MAX_VALUE) {
      throw new Problem(
          HttpStatus.BAD_REQUEST, "'" + field + "' is " + number.getAsLong() + ", too large");
    }
    return OptionalInt.of((int) number.getAsLong());
  }

  /** A point in time in ISO 8601, with offset. */
  Optional<Instant> time(String field) {
    try {
      return find(field).map(text -> OffsetDateTime.parse(text).toInstant());
    } catch (DateTimeParseException e) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'" + field + "' must be a time such as 2026-01-31T22:00:00Z: " + e.getMessage());
    }
  }

  /**
   * A list of objects.
   *
   * @param fields the fields that each one may have
   */
  List<RequestBody> objects(String field, Set<String> fields) {
    JsonNode value = node.path(field);
    List<RequestBody> objects = new ArrayList<>();
    if (value.isMissingNode() || value.isNull()) {
      return objects;
    }
    if (!value.isArray()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "' must be a list of objects");
    }
    for (JsonNode item : value) {
      objects.add(of(item, "each of '" + field + "'", fields));
    }
    return objects;
  }
}
