package dev.backstep.api;

import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;

/** What all lists have in common: {@code limit}, {@code after}, {@code since} and {@code next}. */
final class Paging {

  private Paging() {}

  /**
   * @param after the {@code next} of the page before
   */
  static PageRequest request(int limit, @Nullable String after) {
    if (limit < 1 || limit > PageRequest.LIMIT_MAX) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'limit' must be 1 to " + PageRequest.LIMIT_MAX);
    }
    return new PageRequest(Optional.ofNullable(after), limit);
  }

  /** Asks for a page; a place that no page has given is a bad request. */
  static <T> Page<T> page(PageRequest request, Function<PageRequest, Page<T>> list) {
    try {
      return list.apply(request);
    } catch (IllegalArgumentException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
  }

  /** The answer: the page's rows under this name, and where the next page begins. */
  static <T> Map<String, @Nullable Object> answer(
      String name, Page<T> page, Function<T, Map<String, @Nullable Object>> document) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put(name, page.items().stream().map(document).toList());
    fields.put("next", page.next().orElse(null));
    return fields;
  }

  /** The time of parameter {@code since}. */
  static Optional<Instant> time(@Nullable String text) {
    try {
      return Optional.ofNullable(text).map(given -> OffsetDateTime.parse(given).toInstant());
    } catch (DateTimeParseException e) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'since' is '" + text + "', expected a time such as 2026-01-31T22:00:00Z");
    }
  }
}
