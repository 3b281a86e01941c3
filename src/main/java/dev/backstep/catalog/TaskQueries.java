package dev.backstep.catalog;

import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.domain.TestVerdict;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Questions about tasks. Changes nothing. Safe for use by several threads. */
public final class TaskQueries {

  /**
   * What came of a task is one row of a test or of a repository's check, and the index's entries of
   * the damaged images of a verification, however many it checked. MariaDB would read them all when
   * not told the index.
   */
  private static final String JUDGED =
      """
      select t.*,
        (select r.verdict from restore_tests r where r.task_id = t.id) as verdict,
        (select count(*)
          from verification_images i use index (verification_images_by_result)
          where i.verification_id = t.id and i.result = 'DAMAGED') as damaged,
        (select c.problems from repository_checks c where c.task_id = t.id) as problems
      from tasks t
      """;

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

  /** The same with what came of it. */
  public Optional<JudgedTask> judged(String id) {
    return jdbc.sql(JUDGED + "where t.id = :id")
        .param("id", id)
        .query((row, index) -> judged(row))
        .optional();
  }

  /**
   * Newest first.
   *
   * @param kind of this kind only, when given
   * @param status with this status only, when given
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<JudgedTask> page(
      Optional<TaskKind> kind, Optional<Status> status, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    String where =
        (after.isPresent()
                ? "where t.created_at <= :at and (t.created_at < :at or t.id < :id)\n"
                : "where 1 = 1\n")
            + (kind.isPresent() ? "and t.kind = :kind\n" : "")
            + (status.isPresent() ? "and t.status = :status\n" : "");
    List<JudgedTask> rows =
        jdbc.sql(JUDGED + where + "order by t.created_at desc, t.id desc limit :limit")
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("kind", kind.map(TaskKind::name).orElse(""))
            .param("status", status.map(Status::name).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> judged(row))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.task().createdAt(), row.task().id()));
  }

  /** Those that the catalog calls running and whose owner gives no sign of life. */
  public List<TaskRow> dead() {
    return running().stream()
        .filter(row -> row.leaseToken().isEmpty() || !leases.alive(row.leaseToken().getAsLong()))
        .toList();
  }

  /** Those that the catalog calls running, whether somebody runs them or not. */
  public List<TaskRow> running() {
    return jdbc.sql("select * from tasks where status = 'RUNNING'")
        .query((row, index) -> row(row))
        .list();
  }

  /**
   * Those that do not run while Batch takes their execution for running, or does not know its end:
   * a process died, or its database was away, between the two.
   */
  public List<TaskRow> endedButUnfinished() {
    return jdbc.sql(
            """
            select t.* from BATCH_JOB_EXECUTION e
            join tasks t on t.execution_id = e.JOB_EXECUTION_ID
            where e.STATUS in (%s) and t.status <> 'RUNNING'\
            """
                .formatted(BatchHistory.UNFINISHED))
        .query((row, index) -> row(row))
        .list();
  }

  private static JudgedTask judged(ResultSet row) throws SQLException {
    TaskRow task = row(row);
    Optional<TaskVerdict> verdict =
        switch (task.kind()) {
          case VERIFY -> Optional.of(TaskVerdict.ofFindings(task.status(), row.getInt("damaged")));
          case CHECK -> Optional.of(TaskVerdict.ofFindings(task.status(), row.getInt("problems")));
          case TEST ->
              Optional.of(
                  TaskVerdict.ofTest(task.status(), TestVerdict.valueOf(row.getString("verdict"))));
          case RESTORE, PRUNE, MERGE, COPY, REPLICATE -> Optional.empty();
        };
    OptionalInt damaged =
        task.kind() == TaskKind.VERIFY
            ? OptionalInt.of(row.getInt("damaged"))
            : OptionalInt.empty();
    return new JudgedTask(task, verdict, damaged);
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
