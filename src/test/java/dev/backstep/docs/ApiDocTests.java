package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** {@code docs/api.md} names every operation of the server's OpenAPI document, and no other. */
class ApiDocTests {

  private static final Path DOCUMENT = Path.of("src", "main", "resources", "api", "openapi.yaml");
  private static final Set<String> VERBS = Set.of("get", "post", "put", "patch", "delete");

  /** A verb with its path, or in code the end of a path like the one before. */
  private static final Pattern MENTION =
      Pattern.compile("\\b([A-Z]+) +(/api/[A-Za-z0-9/._-]*[A-Za-z])|`(/[A-Za-z-]+)`");

  /** A part of a path that stands for an id or a name. */
  private static final Pattern PLACE = Pattern.compile("/[A-Z]+(?=/|$)");

  @Test
  void namesEveryOperation() throws IOException {
    Set<String> said = new TreeSet<>();
    for (String paragraph : paragraphs()) {
      said.addAll(mentioned(paragraph, true));
    }

    assertThat(said).hasSizeGreaterThan(50).containsAll(operations());
  }

  @Test
  void namesNoOperationThatIsNot() throws IOException {
    Set<String> operations = operations();
    for (String paragraph : paragraphs()) {
      assertThat(operations).containsAll(mentioned(paragraph, false));
    }
  }

  /**
   * @param ends whether ends of paths count; each may take the place of the last part of the path
   *     before it, or stand behind it
   */
  private static Set<String> mentioned(String paragraph, boolean ends) {
    Set<String> mentioned = new TreeSet<>();
    String verb = "";
    String path = "";
    Matcher matcher = MENTION.matcher(paragraph);
    while (matcher.find()) {
      if (matcher.group(1) != null) {
        verb = matcher.group(1);
        path = matcher.group(2);
        mentioned.add(operation(verb, path));
      } else if (ends && !path.isEmpty()) {
        mentioned.add(operation(verb, path + matcher.group(3)));
        mentioned.add(operation(verb, path.replaceFirst("/[^/]*$", "") + matcher.group(3)));
      }
    }
    return mentioned;
  }

  private static String operation(String verb, String path) {
    return verb + " " + PLACE.matcher(path).replaceAll("/*");
  }

  /** One with a choice of words in its path is as many as there are words. */
  private static Set<String> operations() throws IOException {
    Map<?, ?> document =
        new Yaml(new SafeConstructor(new LoaderOptions())).load(Files.readString(DOCUMENT));
    Set<String> operations = new TreeSet<>();
    ((Map<?, ?>) document.get("paths"))
        .forEach((path, item) -> {
          for (Object verb : ((Map<?, ?>) item).keySet()) {
            if (VERBS.contains(verb)) {
              words((Map<?, ?>) item)
                  .forEach(word ->
                      operations.add(
                          verb.toString().toUpperCase(Locale.ROOT)
                              + " "
                              + path.toString().replaceAll("\\{[a-z]+}", word)));
            }
          }
        });
    assertThat(operations).contains("GET /api/v1/backups/*", "GET /api/v1/executions/stuck");
    return operations;
  }

  private static List<String> words(Map<?, ?> item) {
    if (item.get("parameters") instanceof List<?> parameters) {
      for (Object parameter : parameters) {
        if (parameter instanceof Map<?, ?> map
            && "path".equals(map.get("in"))
            && map.get("schema") instanceof Map<?, ?> schema
            && schema.get("enum") instanceof List<?> words) {
          return words.stream().map(String::valueOf).toList();
        }
      }
    }
    return List.of("*");
  }

  private static String[] paragraphs() throws IOException {
    return Files.readString(Path.of("docs", "api.md")).split("\n\n");
  }
}
