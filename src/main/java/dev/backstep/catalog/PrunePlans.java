package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Stored plans of retention. Each method joins the surrounding transaction, else runs in one of its
 * own. Safe for use by several threads.
 */
public final class PrunePlans {

  /** Looking at plans stores them: those that came to nothing are not kept for ever. */
  private static final int OPEN_MAX = 200;

  private static final int SUBJECT_CHARS_MAX = 500;

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Clock clock;

  public PrunePlans(DataSource dataSource, PlatformTransactionManager manager, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.clock = clock;
  }

  /** What there is to store. As {@link PlanRow}. */
  public record NewPlan(
      String subject,
      List<String> definitions,
      List<BackupId> drops,
      long bytesFreed,
      String createdBy) {}

  /**
   * Stores a plan, and forgets the oldest ones that nobody approved.
   *
   * @return its id
   */
  public String add(NewPlan plan) {
    return transactions.in(() -> {
      Instant now = clock.instant();
      String id = BackupNames.plan(now, name -> find(name).isPresent());
      jdbc.sql(
              """
              insert into prune_plans (id, subject, status, definitions, drops, bytes_freed,
                created_at, created_by)
              values (:id, :subject, 'OPEN', :definitions, :drops, :bytes, :now, :who)\
              """)
          .param("id", id)
          .param(
              "subject",
              plan.subject().substring(0, Math.min(plan.subject().length(), SUBJECT_CHARS_MAX)))
          .param("definitions", String.join("\n", plan.definitions()))
          .param(
              "drops", plan.drops().stream().map(BackupId::value).collect(Collectors.joining("\n")))
          .param("bytes", plan.bytesFreed())
          .param("now", UtcTime.of(now))
          .param("who", plan.createdBy())
          .update();
      List<String> old =
          jdbc.sql(
                  """
                  select id from prune_plans where status in ('OPEN', 'SUPERSEDED')
                  order by created_at desc, id desc limit 1000 offset :keep\
                  """)
              .param("keep", OPEN_MAX)
              .query((row, index) -> row.getString("id"))
              .list();
      for (String one : old) {
        jdbc.sql("delete from prune_plans where id = :id").param("id", one).update();
      }
      return id;
    });
  }

  public Optional<PlanRow> find(String id) {
    return jdbc.sql("select * from prune_plans where id = :id")
        .param("id", id)
        .query((row, index) -> row(row))
        .optional();
  }

  /**
   * A page of them, newest first.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<PlanRow> page(PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<PlanRow> rows =
        jdbc.sql(
                "select * from prune_plans "
                    + (after.isPresent()
                        ? "where created_at <= :at and (created_at < :at or id < :id) "
                        : "")
                    + "order by created_at desc, id desc limit :limit")
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> row(row))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.createdAt(), row.id()));
  }

  /**
   * Notes that somebody approves of an open plan.
   *
   * @return whether it was one
   */
  public boolean approve(String id, String who) {
    return jdbc.sql(
                """
                update prune_plans set status = 'APPROVED', approved_at = :now, approved_by = :who
                where id = :id and status = 'OPEN'\
                """)
            .param("now", UtcTime.of(clock.instant()))
            .param("who", who)
            .param("id", id)
            .update()
        > 0;
  }

  /**
   * Notes that a plan is being run, so that nobody else runs it.
   *
   * @param note what of it does not go any more
   * @return whether it was in the status it was read with
   */
  public boolean run(PlanRow plan, String taskId, String note) {
    return jdbc.sql(
                """
                update prune_plans set status = 'RUN', task_id = :task, note = :note
                where id = :id and status = :status\
                """)
            .param("task", taskId)
            .param("note", note)
            .param("id", plan.id())
            .param("status", plan.status().name())
            .update()
        > 0;
  }

  /** Puts a plan aside, unless it was approved, run or put aside since it was read. */
  public void supersede(PlanRow plan) {
    jdbc.sql("update prune_plans set status = 'SUPERSEDED' where id = :id and status = :status")
        .param("id", plan.id())
        .param("status", plan.status().name())
        .update();
  }

  private static PlanRow row(ResultSet row) throws SQLException {
    return new PlanRow(
        row.getString("id"),
        row.getString("subject"),
        PlanRow.Status.valueOf(row.getString("status")),
        row.getString("definitions").lines().toList(),
        row.getString("drops").lines().map(BackupId::new).toList(),
        row.getLong("bytes_freed"),
        UtcTime.read(row, "created_at"),
        row.getString("created_by"),
        UtcTime.find(row, "approved_at"),
        Optional.ofNullable(row.getString("approved_by")),
        Optional.ofNullable(row.getString("task_id")),
        Optional.ofNullable(row.getString("note")).orElse(""));
  }
}
