package dev.backstep.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a suite of faults has done, in numbers: printed, and left in {@code target/reliability} for
 * {@code ops/reliability}, which makes {@code docs/reliability.md} of it.
 */
public final class Reliability {

  private static final Path FOLDER = Path.of("target", "reliability");

  private final Suite suite;
  private final String part;
  private final Map<String, Object> numbers = new LinkedHashMap<>();
  private List<String> list = List.of();

  /**
   * @param part what of the suite, in words of the page
   */
  public Reliability(Suite suite, String part) {
    this.suite = suite;
    this.part = part;
  }

  /** Adds a number, or a map of numbers, under a name. */
  public Reliability with(String name, Object value) {
    numbers.put(name, value);
    return this;
  }

  /** Names what was counted, one by one. */
  public Reliability listing(List<String> names) {
    list = List.copyOf(names);
    return this;
  }

  /** Prints the numbers and leaves them for the page. */
  public void write() {
    System.err.printf("%s, %s: %s%n", suite.test(), part, numbers);
    List<String> rows = new ArrayList<>();
    numbers.forEach(
        (name, value) -> rows.add("| %s | %s | %s |".formatted(part, name, text(value))));
    Path folder = FOLDER.resolve("%02d-%s".formatted(suite.ordinal(), suite.test()));
    String name = part.replaceAll("[^A-Za-z0-9]+", "-");
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("about"), suite.about() + "\n");
      Files.write(folder.resolve(name + ".rows"), rows);
      if (!list.isEmpty()) {
        Files.write(folder.resolve(name + ".list"), list.stream().map(one -> "* " + one).toList());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(Object value) {
    return value instanceof Map<?, ?> map
        ? String.join(
            ", ", map.entrySet().stream().map(one -> one.getKey() + " " + one.getValue()).toList())
        : value.toString();
  }
}
