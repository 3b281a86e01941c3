package dev.backstep.catalog;

import java.util.List;
import java.util.Optional;

/**
 * A part of a longer list.
 *
 * @param next what {@link PageRequest} takes to get what follows; empty at the end
 */
public record Page<T>(List<T> items, Optional<String> next) {

  public Page {
    items = List.copyOf(items);
  }
}
