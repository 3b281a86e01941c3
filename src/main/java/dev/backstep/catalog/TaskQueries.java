package dev.backstep.catalog;

import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Questions about tasks. Changes nothing. Safe for use by several threads. */
public final class TaskQueries {

  private final JdbcClient jdbc;
  private final Leases leases;

  public TaskQueries(DataSource dataSource, Leases leases) {
    this.jdbc = JdbcClient.create(dataSource);
    this.leases = leases;
  }

  public Optional<TaskRow> find(String id) {
    return jdbc.sql("select * from tasks where id = :id")
        .param("id", id)
        .query((row, index) -> row(row))
        .optional();
  }

  /**
   * Newest first.
   *
   * @param kind of this kind only, when given
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<TaskRow> page(Optional<TaskKind> kind, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    String where =
        (after.isPresent()
                ? "where created_at <= :at and (created_at < :at or id < :id)\n"
                : "where 1 = 1\n")
            + (kind.isPresent() ? "and kind = :kind\n" : "");
    List<TaskRow> rows =
        jdbc.sql("select * from tasks " + where + "order by created_at desc, id desc limit :limit")
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("kind", kind.map(TaskKind::name).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> row(row))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.createdAt(), row.id()));
  }

  /** Those that the catalog calls running and whose owner gives no sign of life. */
  public List<TaskRow> dead() {
    return jdbc
        .sql("select * from tasks where status = 'RUNNING'")
        .query((row, index) -> row(row))
        .list()
        .stream()
        .filter(row -> row.leaseToken().isEmpty() || !leases.alive(row.leaseToken().getAsLong()))
        .toList();
  }

  static TaskRow row(ResultSet row) throws SQLException {
    return new TaskRow(
        row.getString("id"),
        TaskKind.valueOf(row.getString("kind")),
        row.getString("subject"),
        row.getString("settings"),
        Status.valueOf(row.getString("status")),
        UtcTime.read(row, "created_at"),
        UtcTime.find(row, "completed_at"),
        number(row, "lease_token"),
        number(row, "execution_id"),
        Optional.ofNullable(row.getString("error")),
        row.getLong("bytes_total"),
        row.getLong("bytes_done"));
  }

  private static OptionalLong number(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
