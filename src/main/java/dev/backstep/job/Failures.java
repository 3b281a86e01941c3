package dev.backstep.job;

import java.io.IOException;
import java.util.List;

/** Turns what the framework collected into the one failure that an operator should read. */
public final class Failures {

  private Failures() {}

  /**
   * The innermost cause of the first failure that is more than the framework's word that there was
   * one: a job's own exception and those of its partitions come in any order.
   */
  public static Throwable root(List<Throwable> failures) {
    if (failures.isEmpty()) {
      return new IllegalStateException("failed without a recorded exception; see the log");
    }
    return failures.stream()
        .map(Failures::innermost)
        .filter(failure -> !isWrapper(failure))
        .findFirst()
        .orElseGet(() -> innermost(failures.getFirst()));
  }

  private static Throwable innermost(Throwable first) {
    Throwable failure = first;
    while (isWrapper(failure) && failure.getCause() != null) {
      failure = failure.getCause();
    }
    return failure;
  }

  /** Framework exceptions only carry ours. */
  private static boolean isWrapper(Throwable failure) {
    return failure.getClass().getName().startsWith("org.springframework.")
        || failure instanceof java.util.concurrent.ExecutionException
        || failure instanceof java.util.concurrent.CompletionException;
  }

  /** One line: the message, with the type where the message alone would say nothing. */
  public static String text(Throwable failure) {
    String message = failure.getMessage();
    boolean ours =
        failure.getClass().getName().startsWith("dev.backstep.")
            || failure.getClass() == IOException.class;
    if (message == null || message.isBlank()) {
      return failure.getClass().getSimpleName();
    }
    return ours ? message : failure.getClass().getSimpleName() + ": " + message;
  }
}
