package dev.backstep.domain;

import java.util.Locale;

/**
 * What a task that looks after restore points says of them. Its status does not tell: a
 * verification that found damage did all of its work.
 */
public enum TaskVerdict {
  /** It has not come to one. */
  PENDING,
  /** A verification, or a check of a repository, without findings. */
  CLEAN,
  /** One with findings, as soon as it has any. */
  DAMAGED,
  /** A restore test whose signs of life were all seen. */
  PASSED,
  /** A restore test whose signs of life were not. */
  FAILED,
  /** It failed or was stopped before it came to one. */
  NOT_DONE;

  /**
   * That of a verification, or of a check of a repository.
   *
   * @param findings how many images it has found damaged, or things wrong, so far
   */
  public static TaskVerdict ofFindings(Status task, int findings) {
    if (findings > 0) {
      return DAMAGED;
    }
    return task == Status.COMPLETED ? CLEAN : withoutOne(task);
  }

  /** That of a restore test. */
  public static TaskVerdict ofTest(Status task, TestVerdict verdict) {
    return switch (verdict) {
      case PENDING -> withoutOne(task);
      case PASSED -> PASSED;
      case FAILED -> FAILED;
    };
  }

  private static TaskVerdict withoutOne(Status task) {
    return task == Status.RUNNING ? PENDING : NOT_DONE;
  }

  /** For people. */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
