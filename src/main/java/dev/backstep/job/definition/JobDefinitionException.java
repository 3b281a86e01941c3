package dev.backstep.job.definition;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A job definition that cannot be used; its message has one line per problem, {@code
 * file:line:column: found, accepted}. A command ends with exit code 2 because of it.
 */
public final class JobDefinitionException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final String file;
  private final transient List<Problem> problems;

  /**
   * One thing that is wrong.
   *
   * @param line from 1; 0 when it concerns the file as a whole
   * @param column from 1; 0 when it concerns the file as a whole
   */
  public record Problem(int line, int column, String text) {}

  JobDefinitionException(String file, List<Problem> problems) {
    super(
        problems.stream()
            .map(problem -> position(file, problem) + ": " + problem.text())
            .collect(Collectors.joining("\n")));
    this.file = file;
    this.problems = List.copyOf(problems);
  }

  static JobDefinitionException of(String file, String text) {
    return new JobDefinitionException(file, List.of(new Problem(0, 0, text)));
  }

  private static String position(String file, Problem problem) {
    return problem.line() == 0 ? file : file + ":" + problem.line() + ":" + problem.column();
  }

  /** The file, as it was named. */
  public String file() {
    return file;
  }

  /** All problems in the order of the file; at least one. */
  public List<Problem> problems() {
    return problems;
  }

  /** One line per problem; never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
