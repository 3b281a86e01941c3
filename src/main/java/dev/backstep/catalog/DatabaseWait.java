package dev.backstep.catalog;

import java.sql.SQLException;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The patience of a server whose database is not there yet, as when both start after a power
 * failure. Where the context has one, opening the database waits; a command has none.
 *
 * @param stopped whether to wait no longer
 * @param tell takes a line about what is waited for, now and then
 */
public record DatabaseWait(BooleanSupplier stopped, Consumer<String> tell) {

  private static final Duration BETWEEN_TRIES = Duration.ofSeconds(2);
  private static final Duration BETWEEN_LINES = Duration.ofSeconds(30);
  private static final Duration STEP = Duration.ofMillis(50);

  /**
   * SQLSTATE class 08: there was no connection. A wrong password or database is no matter of time.
   */
  private static final String NO_CONNECTION = "08";

  /**
   * Opens the database, however long it takes until it answers.
   *
   * @param database what to call it
   * @throws RuntimeException what {@code open} throws when waiting would not help, or was ended
   */
  <T> T until(String database, Supplier<T> open) {
    long told = 0;
    while (true) {
      try {
        return open.get();
      } catch (RuntimeException e) {
        String unreachable = unreachable(e);
        if (unreachable == null || stopped.getAsBoolean()) {
          throw e;
        }
        long now = System.nanoTime();
        if (told == 0 || now - told >= BETWEEN_LINES.toNanos()) {
          tell.accept(
              "waiting for the database " + database + ", which does not answer: " + unreachable);
          told = now;
        }
        if (!rest()) {
          throw e;
        }
      }
    }
  }

  /** Returns false when it was ended. */
  private boolean rest() {
    long end = System.nanoTime() + BETWEEN_TRIES.toNanos();
    try {
      while (System.nanoTime() < end) {
        if (stopped.getAsBoolean()) {
          return false;
        }
        Thread.sleep(STEP);
      }
      return true;
    } catch (InterruptedException e) {
      return false; // nobody does that
    }
  }

  private static @Nullable String unreachable(Throwable thrown) {
    for (@Nullable Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql
          && sql.getSQLState() != null
          && sql.getSQLState().startsWith(NO_CONNECTION)) {
        return sql.getMessage();
      }
    }
    return null;
  }
}
