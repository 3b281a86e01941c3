package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Questions about job executions and their steps, a page at a time, for which the job repository's
 * own interface has no call that stays cheap over a long history. Changes nothing. Safe for use by
 * several threads.
 */
public final class ExecutionQueries {

  private static final String EXECUTIONS =
      """
      select e.*, i.JOB_NAME, p.PARAMETER_VALUE as backup
      from %s e join BATCH_JOB_INSTANCE i on i.JOB_INSTANCE_ID = e.JOB_INSTANCE_ID
        left join BATCH_JOB_EXECUTION_PARAMS p on p.JOB_EXECUTION_ID = e.JOB_EXECUTION_ID
          and p.PARAMETER_NAME = 'backup'
      order by e.JOB_EXECUTION_ID desc\
      """;

  private final JdbcClient jdbc;

  public ExecutionQueries(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  /** One execution. */
  public Optional<ExecutionRow> find(long id) {
    return rows(
            jdbc.sql(
                    EXECUTIONS.formatted(
                        "(select * from BATCH_JOB_EXECUTION where JOB_EXECUTION_ID = :id)"))
                .param("id", id))
        .stream()
        .findFirst();
  }

  /**
   * A page of executions, newest first.
   *
   * @param backup only this one's, its relaunches included
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<ExecutionRow> page(Optional<BackupId> backup, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    String conditions =
        (after.isPresent() ? " and JOB_EXECUTION_ID < :at" : "")
            + (backup.isPresent()
                ? """
                 and JOB_INSTANCE_ID = (select x.JOB_INSTANCE_ID from backups b
                  join BATCH_JOB_EXECUTION x on x.JOB_EXECUTION_ID = b.execution_id
                  where b.id = :backup)\
                """
                : "");
    List<ExecutionRow> rows =
        rows(
            jdbc.sql(
                    EXECUTIONS.formatted(
                        "(select * from BATCH_JOB_EXECUTION where 1 = 1"
                            + conditions
                            + " order by JOB_EXECUTION_ID desc limit :limit)"))
                .param("at", after.map(Cursor::number).orElse(0L))
                .param("backup", backup.map(BackupId::value).orElse(""))
                .param("limit", Cursor.rows(request)));
    return Cursor.page(rows, request, row -> new Cursor(row.id(), ""));
  }

  private List<ExecutionRow> rows(JdbcClient.StatementSpec statement) {
    List<ExecutionRow> bare = statement.query((row, index) -> execution(row)).list();
    if (bare.isEmpty()) {
      return bare;
    }
    Map<Long, List<ExecutionRow.Step>> steps =
        jdbc
            .sql(
                """
                select * from BATCH_STEP_EXECUTION where JOB_EXECUTION_ID in (:executions)
                order by STEP_EXECUTION_ID\
                """)
            .param("executions", bare.stream().map(ExecutionRow::id).toList())
            .query((row, index) -> step(row))
            .list()
            .stream()
            .collect(Collectors.groupingBy(ExecutionRow.Step::executionId));
    return bare.stream()
        .map(row -> row.withSteps(steps.getOrDefault(row.id(), List.of())))
        .toList();
  }

  private static ExecutionRow execution(ResultSet row) throws SQLException {
    return new ExecutionRow(
        row.getLong("JOB_EXECUTION_ID"),
        row.getLong("JOB_INSTANCE_ID"),
        row.getString("JOB_NAME"),
        Optional.ofNullable(row.getString("backup")).map(BackupId::new),
        row.getString("STATUS"),
        row.getString("EXIT_CODE"),
        text(row, "EXIT_MESSAGE"),
        time(row, "CREATE_TIME")
            .orElseThrow(() -> new SQLException("an execution without CREATE_TIME")),
        time(row, "START_TIME"),
        time(row, "END_TIME"),
        List.of());
  }

  private static ExecutionRow.Step step(ResultSet row) throws SQLException {
    return new ExecutionRow.Step(
        row.getLong("STEP_EXECUTION_ID"),
        row.getLong("JOB_EXECUTION_ID"),
        row.getString("STEP_NAME"),
        row.getString("STATUS"),
        row.getString("EXIT_CODE"),
        text(row, "EXIT_MESSAGE"),
        time(row, "START_TIME"),
        time(row, "END_TIME"),
        row.getLong("READ_COUNT"),
        row.getLong("WRITE_COUNT"),
        row.getLong("COMMIT_COUNT"),
        row.getLong("ROLLBACK_COUNT"));
  }

  private static Optional<String> text(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getString(column)).filter(text -> !text.isBlank());
  }

  /** The job repository keeps local times. */
  private static Optional<Instant> time(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, LocalDateTime.class))
        .map(time -> time.atZone(ZoneId.systemDefault()).toInstant());
  }
}
