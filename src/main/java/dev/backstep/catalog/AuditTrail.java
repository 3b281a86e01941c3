package dev.backstep.catalog;

import java.time.Clock;
import java.util.Objects;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.GeneratedKeyHolder;
import org.springframework.jdbc.support.KeyHolder;

/**
 * Who changed what: through the server, or by a command that opened the database itself. Safe for
 * use by several threads.
 */
public final class AuditTrail {

  /** The result of what has begun and whose end nobody has told, as the server answers it. */
  public static final int ACCEPTED = 202;

  private static final int WHO_LENGTH_MAX = 120;
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
   * @param who cut at 120 characters
   * @param remoteAddress {@code local} for a command
   * @param action method and path, or a command; cut at 300 characters
   * @param result the HTTP status of the answer; for a command the one that a server would give
   * @return the row's number
   */
  public long add(String who, String remoteAddress, String action, int result) {
    KeyHolder key = new GeneratedKeyHolder();
    jdbc.sql(
            """
            insert into audit (at, who, remote_address, action, result)
            values (:at, :who, :remote, :action, :result)\
            """)
        .param("at", UtcTime.of(clock.instant()))
        .param("who", cut(who, WHO_LENGTH_MAX))
        .param("remote", remoteAddress)
        .param("action", cut(action, ACTION_LENGTH_MAX))
        .param("result", result)
        .update(key, "id");
    return Objects.requireNonNull(key.getKey()).longValue();
  }

  /** Puts the result of what was {@link #ACCEPTED} in its row. */
  public void ended(long number, int result) {
    jdbc.sql("update audit set result = :result where id = :id")
        .param("result", result)
        .param("id", number)
        .update();
  }

  private static String cut(String text, int length) {
    return text.substring(0, Math.min(text.length(), length));
  }
}
