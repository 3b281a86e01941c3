package dev.backstep.job.definition;

import dev.backstep.job.definition.JobDefinitionException.Problem;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.error.Mark;

/** Collects what is wrong with one file, so that an operator sees all of it at once. */
final class Problems {

  private static final int VALUE_LENGTH_MAX = 80;

  private final String file;
  private final List<Problem> found = new ArrayList<>();

  Problems(String file) {
    this.file = file;
  }

  void at(@Nullable Mark mark, String text) {
    found.add(
        mark == null
            ? new Problem(0, 0, text)
            : new Problem(mark.getLine() + 1, mark.getColumn() + 1, text));
  }

  /**
   * @throws JobDefinitionException when there are any
   */
  void throwIfAny() {
    if (!found.isEmpty()) {
      found.sort(Comparator.comparingInt(Problem::line).thenComparingInt(Problem::column));
      throw new JobDefinitionException(file, found);
    }
  }

  /** A value as it may stand in a message: one line, short, no control characters. */
  static String quoted(String value) {
    String line = value.replaceAll("[\\p{Cc}\u2028\u2029]", "?");
    return "'" + (line.length() <= VALUE_LENGTH_MAX ? line : cut(line)) + "'";
  }

  private static String cut(String line) {
    return line.substring(0, line.offsetByCodePoints(0, VALUE_LENGTH_MAX / 2)) + "...";
  }
}
