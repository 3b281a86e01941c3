package dev.backstep.catalog;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A part of a longer list.
 *
 * @param next what {@link PageRequest} takes to get what follows; empty at the end
 */
public record Page<T>(List<T> items, Optional<String> next) {

  public Page {
    items = List.copyOf(items);
  }

  /** The first rows of a list, of as many pages as that takes. */
  public static <T> List<T> rows(int limit, Function<PageRequest, Page<T>> list) {
    List<T> rows = new ArrayList<>();
    Optional<String> after = Optional.empty();
    do {
      int most = Math.min(limit - rows.size(), PageRequest.LIMIT_MAX);
      Page<T> page = list.apply(new PageRequest(after, most));
      rows.addAll(page.items());
      after = page.next();
    } while (after.isPresent() && rows.size() < limit);
    return rows;
  }
}
