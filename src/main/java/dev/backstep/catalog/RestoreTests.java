package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.TestVerdict;
import java.time.Clock;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Restore tests and what came of them. Each method joins the surrounding transaction, else runs in
 * one of its own. Safe for use by several threads.
 */
public final class RestoreTests {

  private static final int DETAIL_CHARS_MAX = 4000;

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Tasks tasks;
  private final Clock clock;

  public RestoreTests(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.tasks = tasks;
    this.clock = clock;
  }

  /**
   * Notes a test that runs.
   *
   * @param settings how it is done, in its job's own form
   * @return the task's id
   */
  public String begin(BackupId backup, String subject, String settings, long leaseToken) {
    return transactions.in(() -> {
      String id = tasks.begin(TaskKind.TEST, subject, settings, leaseToken);
      jdbc.sql("insert into restore_tests (task_id, backup_id, verdict) values (:id, :backup, :v)")
          .param("id", id)
          .param("backup", backup.value())
          .param("v", TestVerdict.PENDING.name())
          .update();
      return id;
    });
  }

  /** Notes what came of one. */
  public void ended(String id, TestVerdict verdict, String detail) {
    jdbc.sql(
            """
            update restore_tests set verdict = :verdict, detail = :detail, ended_at = :now
            where task_id = :id\
            """)
        .param("verdict", verdict.name())
        .param(
            "detail",
            detail.length() <= DETAIL_CHARS_MAX ? detail : detail.substring(0, DETAIL_CHARS_MAX))
        .param("now", UtcTime.of(clock.instant()))
        .param("id", id)
        .update();
  }

  public Optional<RestoreTestRow> find(String id) {
    return jdbc.sql(
            """
            select t.*, r.backup_id, r.verdict, r.detail
            from restore_tests r join tasks t on t.id = r.task_id where r.task_id = :id\
            """)
        .param("id", id)
        .query((row, index) ->
            new RestoreTestRow(
                TaskQueries.row(row),
                new BackupId(row.getString("backup_id")),
                TestVerdict.valueOf(row.getString("verdict")),
                Optional.ofNullable(row.getString("detail"))))
        .optional();
  }

  /**
   * How many restore points did not pass the test that they were last put to, those among them
   * whose test could not be done.
   */
  static long failing(JdbcClient jdbc) {
    return jdbc.sql(
            """
            select count(*) from restore_tests r join tasks t on t.id = r.task_id
              join backups b on b.id = r.backup_id
            where (r.verdict = 'FAILED' or t.status = 'FAILED') and b.status = 'COMPLETED'
              and not exists (
                select 1 from restore_tests o join tasks n on n.id = o.task_id
                where o.backup_id = r.backup_id and n.status in ('COMPLETED', 'FAILED')
                  and (n.completed_at > t.completed_at
                    or n.completed_at = t.completed_at and n.id > t.id))\
            """)
        .query(Long.class)
        .single();
  }
}
