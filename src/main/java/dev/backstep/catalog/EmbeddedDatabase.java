package dev.backstep.catalog;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.jdbc.datasource.AbstractDataSource;

/**
 * Connections to H2 below the pool, and what brings it back in a process that stays. After a write
 * that failed, as where its disk is full, H2 refuses all further work on the connections that it
 * has, calls each of them valid, and reads its file anew only when the last one is closed. So all
 * of them are closed before the next one is made. So it is with every URL of H2's, as tests have.
 * Thread-safe.
 */
final class EmbeddedDatabase extends AbstractDataSource {

  private static final Logger log = LoggerFactory.getLogger(EmbeddedDatabase.class);

  /**
   * So long after it was opened anew, a statement that was under way on a connection of before may
   * still come back with {@link DatabaseTrouble#CLOSED}: none waits longer for a lock. A new one
   * that fails by itself tells of its file first.
   */
  private static final Duration LATE_MAX =
      Duration.ofMillis(DatabaseSettings.H2_LOCK_TIMEOUT_MILLIS);

  private final DatabaseSettings settings;
  private final LongSupplier nanos;
  private final List<Connection> open = new ArrayList<>();
  private volatile Runnable onBroken = () -> {};
  private volatile boolean broken;
  private volatile int loginSeconds;
  private volatile boolean reopened;
  private volatile long reopenedNanos;

  /**
   * @param nanos a clock that nobody sets, as {@link System#nanoTime}
   */
  EmbeddedDatabase(DatabaseSettings settings, LongSupplier nanos) {
    this.settings = settings;
    this.nanos = nanos;
  }

  /** Calls back when none of the connections that there are is of use any more. */
  void onBroken(Runnable listener) {
    onBroken = listener;
  }

  @Override
  public Connection getConnection() throws SQLException {
    return getConnection(settings.user(), settings.password());
  }

  @Override
  public synchronized Connection getConnection(String user, String password) throws SQLException {
    if (broken) {
      closeAll();
    }
    open.removeIf(EmbeddedDatabase::isClosed);
    Connection connection = DriverManager.getConnection(settings.url(), user, password);
    open.add(connection);
    return connection;
  }

  /** The pool waits so long for a connection that is just being made when it is closed. */
  @Override
  public void setLoginTimeout(int seconds) {
    loginSeconds = seconds;
  }

  @Override
  public int getLoginTimeout() {
    return loginSeconds;
  }

  /** What the pool is to do about whatever goes wrong on one of its connections. */
  SQLExceptionOverride verdicts() {
    return new SQLExceptionOverride() {
      @java.lang.Override
      public Override adjudicate(SQLException e) {
        return isLast(e) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
      }
    };
  }

  /** Whether a connection is of no more use after this. */
  private boolean isLast(SQLException e) {
    if (!DatabaseTrouble.isStorage(e)) {
      return e.getErrorCode() == DatabaseTrouble.OBJECT_CLOSED;
    }
    if (!broken && !isLate(e)) {
      broken = true;
      log.warn(
          "the embedded database failed and is opened anew: {}",
          NestedExceptionUtils.getMostSpecificCause(e).getMessage());
      onBroken.run();
    }
    return true;
  }

  /** Whether it may be about the database that was closed. */
  private boolean isLate(SQLException e) {
    return reopened
        && !DatabaseTrouble.isOfSystem(e)
        && nanos.getAsLong() - reopenedNanos < LATE_MAX.toNanos();
  }

  /** What was not committed is rolled back, whoever is about to. */
  private void closeAll() {
    reopenedNanos = nanos.getAsLong();
    reopened = true;
    broken = false;
    for (Connection connection : open) {
      try {
        connection.close();
      } catch (SQLException e) {
        log.debug("closed all the same", e);
      }
    }
    open.clear();
  }

  private static boolean isClosed(Connection connection) {
    try {
      return connection.isClosed();
    } catch (SQLException e) {
      return false; // closeAll comes to it
    }
  }
}
