package dev.backstep.job.definition;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Node;

/**
 * Turns YAML text into nodes with their places, within bounds. No value is turned into an object:
 * tags that name Java classes mean nothing here.
 */
final class YamlTree {

  /** Longest text read, in characters: thousands of disks. */
  static final int LENGTH_MAX = 1 << 20;

  private static final int DEPTH_MAX = 20;
  private static final int ALIASES_MAX = 50;

  private YamlTree() {}

  /** The roots of its documents; empty after having reported why there is none. */
  static List<Node> roots(String text, Problems problems) {
    if (text.length() > LENGTH_MAX) {
      problems.at(null, text.length() + " characters; expected at most " + LENGTH_MAX);
      return List.of();
    }
    try {
      List<Node> roots = new ArrayList<>();
      new Yaml(bounds()).composeAll(new StringReader(text)).forEach(roots::add);
      if (roots.isEmpty()) {
        problems.at(
            null, "the file is empty; expected a job definition with vm, source, repository");
      }
      return roots;
    } catch (MarkedYAMLException e) {
      problems.at(e.getProblemMark(), "not YAML: " + oneLine(e.getProblem()));
    } catch (YAMLException e) {
      problems.at(null, "not YAML: " + oneLine(String.valueOf(e.getMessage())));
    }
    return List.of();
  }

  private static LoaderOptions bounds() {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(LENGTH_MAX);
    options.setNestingDepthLimit(DEPTH_MAX);
    options.setMaxAliasesForCollections(ALIASES_MAX);
    options.setAllowRecursiveKeys(false);
    return options;
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
