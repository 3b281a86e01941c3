package dev.backstep.catalog;

import java.time.Clock;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Who changed what through the server, and who approved of deletions at the command line. Safe for
 * use by several threads.
 */
public final class AuditTrail {

  private static final int ACTION_LENGTH_MAX = 300;

  private final JdbcClient jdbc;
  private final Clock clock;

  public AuditTrail(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * Adds a row.
   *
   * @param remoteAddress {@code local} for a command
   * @param action method and path, or a command; cut at 300 characters
   * @param result the HTTP status of the answer; for a command the one that a server would give
   */
  public void add(String who, String remoteAddress, String action, int result) {
    jdbc.sql(
            """
            insert into audit (at, who, remote_address, action, result)
            values (:at, :who, :remote, :action, :result)\
            """)
        .param("at", UtcTime.of(clock.instant()))
        .param("who", who)
        .param("remote", remoteAddress)
        .param("action", action.substring(0, Math.min(action.length(), ACTION_LENGTH_MAX)))
        .param("result", result)
        .update();
  }
}
