package dev.backstep.catalog;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The place in a list behind which its next page begins: the number that the list is sorted by, a
 * time in milliseconds or an amount, and the text that tells rows of one number apart.
 */
public record Cursor(long number, String text) {

  /** Of the longest VM path and disk key in four bytes a character, in base 64. */
  private static final int LENGTH_MAX = 5000;

  public static Cursor at(Instant time, String text) {
    return new Cursor(time.toEpochMilli(), text);
  }

  public Instant time() {
    return Instant.ofEpochMilli(number);
  }

  /**
   * @throws IllegalArgumentException when the request's text is none that a page has given
   */
  public static Optional<Cursor> of(PageRequest request) {
    return request.after().map(Cursor::parse);
  }

  /** One row more than asked for tells whether there is a next page. */
  public static int rows(PageRequest request) {
    return request.limit() + 1;
  }

  public static <T> Page<T> page(List<T> rows, PageRequest request, Function<T, Cursor> place) {
    if (rows.size() <= request.limit()) {
      return new Page<>(rows, Optional.empty());
    }
    List<T> items = rows.subList(0, request.limit());
    return new Page<>(items, Optional.of(place.apply(items.getLast()).format()));
  }

  private String format() {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString((number + " " + text).getBytes(StandardCharsets.UTF_8));
  }

  private static Cursor parse(String given) {
    if (given.length() > LENGTH_MAX) {
      throw unknown(given.substring(0, 40) + "…", null);
    }
    try {
      String plain = new String(Base64.getUrlDecoder().decode(given), StandardCharsets.UTF_8);
      String[] parts = plain.split(" ", 2);
      if (parts.length == 2) {
        return new Cursor(Long.parseLong(parts[0]), parts[1]);
      }
    } catch (IllegalArgumentException e) {
      throw unknown(given, e);
    }
    throw unknown(given, null);
  }

  static IllegalArgumentException unknown(String given, @Nullable Throwable cause) {
    return new IllegalArgumentException(
        "'" + given + "' is no place in a list; expected the 'next' of a page, or nothing", cause);
  }
}
