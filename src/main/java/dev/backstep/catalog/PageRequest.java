package dev.backstep.catalog;

import java.util.Optional;

/**
 * Which part of a list is asked for. A part begins behind the last row of the one before, whatever
 * was added or removed meanwhile, so that each costs the same.
 *
 * @param after a page's {@code next}; empty for the first one
 * @param limit at most so many rows, 1 to {@link #LIMIT_MAX}
 */
public record PageRequest(Optional<String> after, int limit) {

  public static final int LIMIT_MAX = 1000;

  /**
   * @throws IllegalArgumentException when the limit is out of bounds
   */
  public PageRequest {
    if (limit < 1 || limit > LIMIT_MAX) {
      throw new IllegalArgumentException(
          "the limit is " + limit + "; expected 1 to " + LIMIT_MAX + " rows");
    }
  }

  public static PageRequest first(int limit) {
    return new PageRequest(Optional.empty(), limit);
  }
}
