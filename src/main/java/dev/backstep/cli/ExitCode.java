package dev.backstep.cli;

import dev.backstep.catalog.DatabaseBusyException;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.definition.JobDefinitionException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The command line's exit codes: an interface, so a number is never given another meaning. The
 * texts stand in each command's help.
 */
final class ExitCode {

  static final String DONE = "0:done";
  static final String FAILED = "1:failed; the error says why";
  static final String USAGE = "2:wrong arguments, or a bad job definition";
  static final String UNPROTECTED = "3:finished, but something asked for is not protected";
  static final String NOT_FOUND = "4:no such backup, VM or disk";
  static final String BUSY = "5:busy: it is running, locked, or another process owns it";
  static final String STOPPED = "130:stopped";

  private static final int OK = 200;
  private static final int BROKEN = 500;
  private static final int DATABASE_AWAY = 503;

  private ExitCode() {}

  /**
   * An error as an operator gets it.
   *
   * @param httpStatus what a server would have answered
   */
  record Verdict(int code, int httpStatus, String text, boolean expected) {}

  /** The HTTP status for a command that ended with a code and without an error. */
  static int httpStatus(int code) {
    return Stream.of(Kind.values())
        .filter(kind -> kind.exitCode() == code)
        .findFirst()
        .map(Kind::httpStatus)
        .orElse(OK);
  }

  /** The code and text of an error: those of the first cause that is meant for operators. */
  static Verdict of(Throwable error) {
    for (@Nullable Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause.getClass().getName().startsWith("org.springframework.dao.")) {
        return new Verdict(Kind.FAILED.exitCode(), DATABASE_AWAY, database(cause), true);
      }
      Optional<Kind> kind = kind(cause);
      if (kind.isPresent()) {
        return new Verdict(kind.get().exitCode(), kind.get().httpStatus(), text(cause), true);
      }
    }
    return new Verdict(Kind.FAILED.exitCode(), BROKEN, text(error), false);
  }

  /** What the driver says, and why: the innermost two causes. */
  private static String database(Throwable error) {
    Throwable outer = error;
    Throwable inner = error;
    while (inner.getCause() != null) {
      outer = inner;
      inner = inner.getCause();
    }
    String why = outer == inner ? text(inner) : text(outer) + ": " + text(inner);
    return "the database failed: " + why;
  }

  private static Optional<Kind> kind(Throwable error) {
    return switch (error) {
      case OperatorException e -> Optional.of(e.kind());
      case JobDefinitionException ignored -> Optional.of(Kind.USAGE);
      case DatabaseBusyException ignored -> Optional.of(Kind.BUSY);
      case VmBusyException ignored -> Optional.of(Kind.BUSY);
      case IOException ignored -> Optional.of(Kind.FAILED);
      case UncheckedIOException ignored -> Optional.of(Kind.FAILED);
      default -> Optional.empty();
    };
  }

  private static String text(Throwable error) {
    return switch (error) {
      case FileAlreadyExistsException e ->
          e.getFile() + ": is there already; name another folder or remove it";
      case AccessDeniedException e -> e.getFile() + ": permission denied";
      case NoSuchFileException e -> e.getFile() + ": there is no such file or folder";
      default -> error.getMessage() == null ? error.toString() : error.getMessage();
    };
  }
}
