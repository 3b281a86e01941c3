package dev.backstep.job;

import org.jspecify.annotations.Nullable;

/**
 * Something that an operator can act on: its message stands alone, its kind says which exit code or
 * HTTP status it becomes.
 */
public final class OperatorException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** What went wrong, as the operator sees it. */
  public enum Kind {
    /** It was tried and did not work. */
    FAILED(1, 409),
    /** What was asked for makes no sense: wrong arguments or a bad definition. */
    USAGE(2, 400),
    /** It finished, but something asked for is not protected. */
    UNPROTECTED(3, 422),
    NOT_FOUND(4, 404),
    /** Running, locked, or another process owns it. */
    BUSY(5, 409),
    /** It contradicts what is recorded already; asking again does not help. */
    CONFLICT(1, 409),
    STOPPED(130, 409);

    private final int exitCode;
    private final int httpStatus;

    Kind(int exitCode, int httpStatus) {
      this.exitCode = exitCode;
      this.httpStatus = httpStatus;
    }

    /** The command line's exit code. */
    public int exitCode() {
      return exitCode;
    }

    /** The status of a server's answer. */
    public int httpStatus() {
      return httpStatus;
    }
  }

  private final Kind kind;

  private OperatorException(Kind kind, String text, @Nullable Throwable cause) {
    super(text, cause);
    this.kind = kind;
  }

  public static OperatorException failed(String text, @Nullable Throwable cause) {
    return new OperatorException(Kind.FAILED, text, cause);
  }

  public static OperatorException usage(String text, @Nullable Throwable cause) {
    return new OperatorException(Kind.USAGE, text, cause);
  }

  public static OperatorException notFound(String text) {
    return notFound(text, null);
  }

  public static OperatorException notFound(String text, @Nullable Throwable cause) {
    return new OperatorException(Kind.NOT_FOUND, text, cause);
  }

  public static OperatorException busy(String text, @Nullable Throwable cause) {
    return new OperatorException(Kind.BUSY, text, cause);
  }

  public static OperatorException unprotected(String text) {
    return new OperatorException(Kind.UNPROTECTED, text, null);
  }

  public static OperatorException conflict(String text, @Nullable Throwable cause) {
    return new OperatorException(Kind.CONFLICT, text, cause);
  }

  public static OperatorException stopped(String text) {
    return new OperatorException(Kind.STOPPED, text, null);
  }

  /** What went wrong. */
  public Kind kind() {
    return kind;
  }

  /** The text for the operator; never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
