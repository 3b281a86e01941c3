package dev.backstep.job.definition;

import static dev.backstep.job.definition.Problems.quoted;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * The fields of one YAML mapping. Every field that is asked for becomes a known one; {@link
 * #refuseOthers} reports the rest. A field that is wrong is reported and read as absent, so that
 * reading goes on to the next problem.
 */
final class Fields {

  private final String where;
  private final Mark start;
  private final Map<String, NodeTuple> present = new LinkedHashMap<>();
  private final Set<String> known = new TreeSet<>();
  private final Set<String> reported = new HashSet<>();
  private final Problems problems;

  private Fields(String where, Mark start, Problems problems) {
    this.where = where;
    this.start = start;
    this.problems = problems;
  }

  /**
   * @param where what the mapping describes, as it stands in messages: {@code a disk}
   */
  static Optional<Fields> of(Node node, String where, Problems problems) {
    if (!(node instanceof MappingNode mapping)) {
      problems.at(
          node.getStartMark(),
          kind(node) + " where " + where + " is expected: 'name: value' pairs");
      return Optional.empty();
    }
    Fields fields = new Fields(where, node.getStartMark(), problems);
    mapping.getValue().forEach(fields::add);
    return Optional.of(fields);
  }

  private void add(NodeTuple field) {
    Node key = field.getKeyNode();
    if (!(key instanceof ScalarNode name)) {
      problems.at(key.getStartMark(), kind(key) + " as a field's name in " + where);
      return;
    }
    NodeTuple earlier = present.putIfAbsent(name.getValue(), field);
    if (earlier != null) {
      int line = earlier.getKeyNode().getStartMark().getLine() + 1;
      problems.at(
          key.getStartMark(),
          "field " + quoted(name.getValue()) + " stands twice, first at line " + line);
    }
  }

  /** A scalar's text, whatever YAML would take it for: {@code 2000} and {@code on} are texts. */
  Optional<Text> text(String name) {
    return value(name).flatMap(node -> scalar(name, node));
  }

  /** As {@link #text}; its absence is a problem. */
  Optional<Text> requiredText(String name) {
    Optional<Text> text = text(name);
    if (!present.containsKey(name)) {
      problem(where + " has no field '" + name + "'; it is needed");
    }
    return text;
  }

  /** A mapping. */
  Optional<Fields> fields(String name, String what) {
    return value(name).flatMap(node -> of(node, what, problems));
  }

  /** A list's elements; empty when absent. */
  List<Node> list(String name) {
    Optional<Node> node = value(name);
    if (node.isEmpty()) {
      return List.of();
    }
    if (node.get() instanceof SequenceNode sequence) {
      return sequence.getValue();
    }
    problems.at(
        node.get().getStartMark(),
        kind(node.get()) + " in '" + name + "' where a list is expected: [ ... ]");
    return List.of();
  }

  /** Every field not asked for yet, as texts; from now on each field counts as known. */
  Map<String, Text> remainingTexts() {
    Map<String, Text> texts = new LinkedHashMap<>();
    List<String> names = new ArrayList<>(present.keySet());
    names.removeAll(known);
    names.forEach(name -> text(name).ifPresent(text -> texts.put(name, text)));
    return texts;
  }

  /** Whether the field is there, whatever it holds. */
  boolean has(String name) {
    return present.containsKey(name);
  }

  /** Reports each field that nothing asked for. */
  void refuseOthers() {
    present.forEach((name, field) -> {
      if (!known.contains(name) && reported.add(name)) {
        problems.at(
            field.getKeyNode().getStartMark(),
            "unknown field "
                + quoted(name)
                + " in "
                + where
                + "; accepted: "
                + String.join(", ", known)
                + DidYouMean.hint(name, known));
      }
    });
  }

  /** Reports something that concerns the mapping as a whole. */
  void problem(String text) {
    problems.at(start, text);
  }

  private Optional<Node> value(String name) {
    known.add(name);
    NodeTuple field = present.get(name);
    if (field == null) {
      return Optional.empty();
    }
    Node value = field.getValueNode();
    if (value instanceof ScalarNode scalar && Tag.NULL.equals(scalar.getTag())) {
      if (reported.add(name)) {
        problems.at(
            field.getKeyNode().getStartMark(),
            "field '" + name + "' in " + where + " has no value");
      }
      return Optional.empty();
    }
    return Optional.of(value);
  }

  private Optional<Text> scalar(String name, Node node) {
    if (node instanceof ScalarNode scalar) {
      return Optional.of(new Text(name, scalar.getValue(), node.getStartMark(), problems));
    }
    if (reported.add(name)) {
      problems.at(node.getStartMark(), kind(node) + " in '" + name + "' where a value is expected");
    }
    return Optional.empty();
  }

  /** What a node is, as it stands in messages. */
  static String kind(Node node) {
    return switch (node) {
      case MappingNode ignored -> "'name: value' pairs";
      case SequenceNode ignored -> "a list";
      case ScalarNode scalar -> "the value " + quoted(scalar.getValue());
      default -> "an alias";
    };
  }
}
