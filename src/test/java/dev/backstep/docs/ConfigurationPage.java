package dev.backstep.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code docs/configuration.md}, by its headings and tables. */
final class ConfigurationPage {

  private static final Path PAGE = Path.of("docs", "configuration.md");
  private static final Pattern HEADING = Pattern.compile("(?m)^(?=##+ )");
  private static final Pattern CODE = Pattern.compile("`([^`]+)`");
  private static final Pattern CELL = Pattern.compile(" \\| ");

  private ConfigurationPage() {}

  /** The headings of one depth, 2 or more, without their marks. */
  static List<String> headings(int depth) {
    String mark = "#".repeat(depth) + " ";
    return text()
        .lines()
        .filter(line -> line.startsWith(mark))
        .map(line -> line.substring(depth + 1))
        .toList();
  }

  /** From a heading to the next one of any depth; empty when there is none. */
  static String section(String title) {
    return HEADING
        .splitAsStream(text())
        .filter(part -> part.matches("(?s)##+ " + Pattern.quote(title) + "(`| [A-Z|`]|\\n).*"))
        .findFirst()
        .orElse("");
  }

  /** The names in the first column of a section's tables. */
  static Set<String> rows(String section) {
    return lines(section)
        .map(line -> line.substring(3, line.indexOf('`', 3)))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The defaults that stand as code, by the name in the first column. */
  static Map<String, String> defaults(String section) {
    int column = List.of(CELL.split(head(section))).indexOf("default");
    Map<String, String> defaults = new TreeMap<>();
    if (column < 0) {
      return defaults;
    }
    lines(section)
        .map(CELL::split)
        .filter(cells -> cells.length > column && cells[column].matches("`[^`]+`"))
        .forEach(cells -> defaults.put(name(cells[0]), name(cells[column])));
    return defaults;
  }

  private static String head(String section) {
    String text = section(section);
    int rule = text.indexOf("\n|---");
    return rule < 0 ? "" : text.substring(text.lastIndexOf('\n', rule - 1) + 1, rule);
  }

  private static String name(String cell) {
    return cell.substring(cell.indexOf('`') + 1, cell.lastIndexOf('`'));
  }

  /** The first row of the page with this name. */
  static String row(String name) {
    return text()
        .lines()
        .filter(line -> line.startsWith("| `" + name + "` |"))
        .findFirst()
        .orElse("no row for " + name);
  }

  /** What a pattern finds in the code of the first column of a section's tables. */
  static Set<String> codes(String section, Pattern pattern) {
    return lines(section)
        .map(line -> line.substring(0, line.indexOf('|', 1)))
        .flatMap(cell -> matches(cell, CODE).stream())
        .flatMap(code -> matches(code, pattern).stream())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  static Set<String> matches(String text, Pattern pattern) {
    return pattern
        .matcher(text)
        .results()
        .map(MatchResult::group)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Stream<String> lines(String section) {
    return section(section).lines().filter(line -> line.startsWith("| `"));
  }

  private static String text() {
    try {
      return Files.readString(PAGE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
