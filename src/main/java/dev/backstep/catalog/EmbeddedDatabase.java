package dev.backstep.catalog;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.jdbc.datasource.AbstractDataSource;

/**
 * Connections to H2 below the pool, and what brings it back in a process that stays. After a write
 * that failed, as where its disk is full, H2 refuses all further work on the connections that it
 * has, calls each of them valid, and reads its file anew only when the last one is closed. So all
 * of them are closed before the next one is made. Thread-safe.
 */
final class EmbeddedDatabase extends AbstractDataSource {

  private static final Logger log = LoggerFactory.getLogger(EmbeddedDatabase.class);

  /** H2's error codes DATABASE_IS_CLOSED and OBJECT_CLOSED. */
  private static final int CLOSED = 90_098;

  private static final int OBJECT_CLOSED = 90_007;

  private final DatabaseSettings settings;
  private final List<Connection> open = new ArrayList<>();
  private volatile Runnable onBroken = () -> {};
  private volatile boolean broken;
  private volatile int loginSeconds;

  EmbeddedDatabase(DatabaseSettings settings) {
    this.settings = settings;
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
    if (!isStorage(e)) {
      return e.getErrorCode() == OBJECT_CLOSED;
    }
    if (!broken) {
      broken = true;
      log.warn(
          "the embedded database failed and is opened anew: {}",
          NestedExceptionUtils.getMostSpecificCause(e).getMessage());
      onBroken.run();
    }
    return true;
  }

  /** What was not committed is rolled back, whoever is about to. */
  private void closeAll() {
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

  private static boolean isStorage(SQLException e) {
    return e.getErrorCode() == CLOSED
        || NestedExceptionUtils.getMostSpecificCause(e) instanceof IOException;
  }

  private static boolean isClosed(Connection connection) {
    try {
      return connection.isClosed();
    } catch (SQLException e) {
      return false; // closeAll comes to it
    }
  }
}
