package dev.backstep;

import com.zaxxer.hikari.pool.HikariPool;
import dev.backstep.catalog.DatabaseBusyException;
import dev.backstep.catalog.NewerDatabaseException;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What kept us from starting, without the way through the framework. */
final class StartFailure {

  /** With less room than this a start that failed for no known reason has failed for that. */
  private static final long ROOM_BYTES_MIN = 1L << 20;

  private StartFailure() {}

  /**
   * As {@link #explained(RuntimeException)}. The embedded database says of a full disk many things,
   * but not that it is full.
   */
  static RuntimeException explained(Path home, RuntimeException thrown) {
    return told(thrown).or(() -> full(home, thrown)).orElseGet(() -> unexpected(thrown));
  }

  static RuntimeException explained(RuntimeException thrown) {
    return told(thrown).orElseGet(() -> unexpected(thrown));
  }

  /** What was said for operators, which others may act on, too. */
  private static Optional<RuntimeException> told(RuntimeException thrown) {
    for (@Nullable Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof DatabaseBusyException || cause instanceof OperatorException) {
        return Optional.of((RuntimeException) cause);
      }
      if (cause instanceof NewerDatabaseException) {
        return Optional.of(OperatorException.failed(String.valueOf(cause.getMessage()), thrown));
      }
    }
    return Optional.empty();
  }

  private static Optional<RuntimeException> full(Path home, RuntimeException thrown) {
    try {
      long left = Files.getFileStore(home).getUsableSpace();
      if (left < ROOM_BYTES_MIN) {
        return Optional.of(
            OperatorException.failed(
                home
                    + ": its file system is full ("
                    + left
                    + " bytes left), and state needs room; make some, or --home names another"
                    + " folder",
                thrown));
      }
    } catch (IOException e) {
      thrown.addSuppressed(e);
    }
    return Optional.empty();
  }

  private static RuntimeException unexpected(RuntimeException thrown) {
    Throwable root = thrown;
    boolean database = false;
    for (@Nullable Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      database |= cause instanceof HikariPool.PoolInitializationException;
      root = cause;
    }
    if (database) {
      return OperatorException.failed(
          "the database cannot be opened: "
              + root.getMessage()
              + "; see BACKSTEP_DB_URL, _USER, _PASSWORD, or the home folder for the embedded one",
          thrown);
    }
    return root instanceof IllegalArgumentException
        ? OperatorException.usage(String.valueOf(root.getMessage()), thrown)
        : OperatorException.failed("cannot start: " + root, thrown);
  }
}
