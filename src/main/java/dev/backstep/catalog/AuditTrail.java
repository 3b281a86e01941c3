package dev.backstep.catalog;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.GeneratedKeyHolder;
import org.springframework.jdbc.support.KeyHolder;

/**
 * Who changed what: through the server, or by a command that opened the database itself. Safe for
 * use by several threads.
 */
public final class AuditTrail {

  private static final int WHO_LENGTH_MAX = 120;
  private static final int ADDRESS_LENGTH_MAX = 60;
  private static final int ACTION_LENGTH_MAX = 300;

  /**
   * What somebody asked for.
   *
   * @param at when it began
   * @param remoteAddress {@code local} of a command
   * @param action method and path, or a command
   * @param result the HTTP status of the answer; empty while it is under way, and for good where
   *     its process was killed
   */
  public record Entry(
      long number,
      Instant at,
      String who,
      String remoteAddress,
      String action,
      OptionalInt result) {}

  private final JdbcClient jdbc;
  private final Clock clock;

  public AuditTrail(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * Adds a row, to be called before anything is changed.
   *
   * @param who cut at 120 characters
   * @param remoteAddress {@code local} for a command; cut at 60 characters
   * @param action method and path, or a command; cut at 300 characters
   * @return the row's number
   */
  public long begin(String who, String remoteAddress, String action) {
    KeyHolder key = new GeneratedKeyHolder();
    jdbc.sql(
            """
            insert into audit (at, who, remote_address, action)
            values (:at, :who, :remote, :action)\
            """)
        .param("at", UtcTime.of(clock.instant()))
        .param("who", cut(who, WHO_LENGTH_MAX))
        .param("remote", cut(remoteAddress, ADDRESS_LENGTH_MAX))
        .param("action", cut(action, ACTION_LENGTH_MAX))
        .update(key, "id");
    return Objects.requireNonNull(key.getKey()).longValue();
  }

  /**
   * Puts into a row what its action is about, once that is known and before anything is changed.
   *
   * @param action all of it; cut at 300 characters
   */
  public void about(long number, String action) {
    jdbc.sql("update audit set action = :action where id = :id")
        .param("action", cut(action, ACTION_LENGTH_MAX))
        .param("id", number)
        .update();
  }

  /**
   * Puts the result in a row.
   *
   * @param result the HTTP status of the answer; for a command the one that a server would give
   */
  public void ended(long number, int result) {
    jdbc.sql("update audit set result = :result where id = :id")
        .param("result", result)
        .param("id", number)
        .update();
  }

  /**
   * Newest first.
   *
   * @param since begun then or later
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<Entry> page(Instant since, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<Entry> rows =
        jdbc.sql(
                """
                select * from audit where at >= :since %s
                order by at desc, id desc limit :limit\
                """
                    .formatted(after.isPresent() ? "and at <= :at and (at < :at or id < :id)" : ""))
            .param("since", UtcTime.of(since))
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(AuditTrail::number).orElse(0L))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> entry(row))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.at(), String.valueOf(row.number())));
  }

  private static long number(Cursor place) {
    try {
      return Long.parseLong(place.text());
    } catch (NumberFormatException e) {
      throw Cursor.unknown(place.text(), e);
    }
  }

  private static Entry entry(ResultSet row) throws SQLException {
    int result = row.getInt("result");
    OptionalInt answered = row.wasNull() ? OptionalInt.empty() : OptionalInt.of(result);
    return new Entry(
        row.getLong("id"),
        UtcTime.read(row, "at"),
        row.getString("who"),
        row.getString("remote_address"),
        row.getString("action"),
        answered);
  }

  /**
   * Forgets what began before this time.
   *
   * @return how many rows
   */
  public int trim(Instant before) {
    return OldRows.delete(jdbc, "audit", "at", before);
  }

  private static String cut(String text, int length) {
    return text.substring(0, Math.min(text.length(), length));
  }
}
