package dev.backstep.catalog;

import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The table of tasks. Each method joins the surrounding transaction, else runs in one of its own.
 * Safe for use by several threads.
 */
public final class Tasks {

  private static final int ERROR_CHARS_MAX = 2000;
  private static final int SUBJECT_CHARS_MAX = 500;

  /** What is kept of what looked at many images, beside its own row. */
  private static final Map<TaskKind, List<String>> DETAILS =
      Map.of(
          TaskKind.VERIFY,
          List.of(
              "verification_findings where verification_id",
              "verification_images where verification_id",
              "verifications where id"),
          TaskKind.CHECK,
          List.of("repository_check_findings where task_id", "repository_checks where task_id"));

  /** As many may begin in one second and still each have an id of its own. */
  private static final int IDS_TRIED = 100;

  /** Which tasks {@link #trim} forgets: these kinds, ended in any way before a moment. */
  static final String FORGETTABLE =
      DETAILS.keySet().stream()
          .map(kind -> "'" + kind + "'")
          .sorted()
          .collect(
              Collectors.joining(
                  ", ",
                  "kind in (",
                  ") and status in ('COMPLETED', 'FAILED', 'STOPPED') and completed_at < :before"));

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Leases leases;
  private final Clock clock;

  public Tasks(
      DataSource dataSource, PlatformTransactionManager manager, Leases leases, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.leases = leases;
    this.clock = clock;
  }

  /**
   * Notes a task that runs.
   *
   * @param subject what it is about, for people
   * @param settings what its job needs to know, in that job's own form
   * @return its id
   */
  public String begin(TaskKind kind, String subject, String settings, long leaseToken) {
    return transactions.in(() -> {
      Instant now = clock.instant();
      for (int attempt = 1; ; attempt++) {
        String id = BackupNames.task(kind, now, name -> count(name) > 0);
        try {
          insert(id, kind, subject, settings, now, leaseToken);
          return id;
        } catch (DuplicateKeyException e) {
          // Another of this second was committed meanwhile; its id is seen from now on.
          if (attempt == IDS_TRIED) {
            throw e;
          }
        }
      }
    });
  }

  private void insert(
      String id, TaskKind kind, String subject, String settings, Instant now, long leaseToken) {
    jdbc.sql(
            """
            insert into tasks (id, kind, subject, settings, status, created_at, lease_token)
            values (:id, :kind, :subject, :settings, 'RUNNING', :now, :token)\
            """)
        .param("id", id)
        .param("kind", kind.name())
        .param(
            "subject",
            subject.length() <= SUBJECT_CHARS_MAX
                ? subject
                : subject.substring(0, SUBJECT_CHARS_MAX))
        .param("settings", settings)
        .param("now", UtcTime.of(now))
        .param("token", leaseToken)
        .update();
  }

  private long count(String id) {
    return jdbc.sql("select count(*) from tasks where id = :id")
        .param("id", id)
        .query(Long.class)
        .single();
  }

  /**
   * Takes over one that failed or was stopped.
   *
   * @return whether it was one
   * @throws VmBusyException when it reads or writes over a VM's disks and something else does
   * @throws SupersededException when it is a restore, and another task was begun onto its targets
   */
  public boolean resume(String id, long leaseToken) {
    return transactions.in(() -> {
      ReplicationRows.vm(jdbc, id)
          .ifPresent(vm -> {
            if (Machines.lockIfKnown(jdbc, vm)) {
              BusyVm.requireFree(jdbc, vm);
            }
            if (is(id, TaskKind.REPLICATE)) {
              ReplicationRows.lock(jdbc, ReplicationRows.ofRun(jdbc, id));
            }
          });
      boolean resumed = runs(id, leaseToken);
      if (resumed && is(id, TaskKind.RESTORE)) {
        WrittenTargets.requireNewest(jdbc, id);
      }
      return resumed;
    });
  }

  private static boolean is(String id, TaskKind kind) {
    return TaskKind.ofId(id).filter(kind::equals).isPresent();
  }

  private boolean runs(String id, long leaseToken) {
    return jdbc.sql(
                """
                update tasks set status = 'RUNNING', lease_token = :token,
                  completed_at = null, error = null
                where id = :id and status in ('FAILED', 'STOPPED')\
                """)
            .param("token", leaseToken)
            .param("id", id)
            .update()
        > 0;
  }

  /** Notes which Batch execution runs it. */
  public void executing(String id, long leaseToken, long executionId) {
    jdbc.sql("update tasks set execution_id = :execution where id = :id and lease_token = :token")
        .param("execution", executionId)
        .param("id", id)
        .param("token", leaseToken)
        .update();
  }

  /**
   * Asks whether this lease runs it at this moment.
   *
   * @throws FencedException when it does not
   */
  public void check(String id, long leaseToken) throws FencedException {
    requireRun(id, leaseToken, "");
  }

  /**
   * Locks it until the surrounding transaction ends: the first thing that each transaction of its
   * job does.
   *
   * @throws FencedException when this lease does not run it any more
   */
  public void lock(String id, long leaseToken) throws FencedException {
    requireRun(id, leaseToken, " for update");
  }

  private void requireRun(String id, long leaseToken, String lock) throws FencedException {
    boolean ours =
        jdbc.sql(
                """
                select id from tasks
                where id = :id and status = 'RUNNING' and lease_token = :token\
                """
                    + lock)
            .param("id", id)
            .param("token", leaseToken)
            .query((row, index) -> row.getString("id"))
            .optional()
            .isPresent();
    if (!ours || !leases.alive(leaseToken)) {
      throw new FencedException(
          id + " does not run under a living lease " + leaseToken + "; relaunch it");
    }
  }

  /** Notes how far it is. */
  public void progress(String id, long bytesDone, long bytesTotal) {
    jdbc.sql("update tasks set bytes_done = :done, bytes_total = :total where id = :id")
        .param("done", bytesDone)
        .param("total", bytesTotal)
        .param("id", id)
        .update();
  }

  /**
   * Notes its end.
   *
   * @return whether this lease still ran it
   */
  public boolean ended(String id, long leaseToken, Status status, Optional<String> error) {
    return jdbc.sql(
                """
                update tasks set status = :status, completed_at = :now, error = :error
                where id = :id and lease_token = :token and status = 'RUNNING'\
                """)
            .param("status", status.name())
            .param("now", UtcTime.of(clock.instant()))
            .param("error", error.map(Tasks::cut).orElse(null))
            .param("id", id)
            .param("token", leaseToken)
            .update()
        > 0;
  }

  private static String cut(String text) {
    return text.length() <= ERROR_CHARS_MAX ? text : text.substring(0, ERROR_CHARS_MAX) + "…";
  }

  /**
   * Forgets verifications and checks of repositories that ended before a moment, with all that they
   * told; what they proved stays in the ledger.
   *
   * @return how many
   */
  public int trim(Instant before) {
    String old = "(select id from tasks where " + FORGETTABLE + ")";
    return transactions.in(() -> {
      DETAILS.values().stream()
          .flatMap(List::stream)
          .forEach(rows -> delete(rows + " in " + old, before));
      return delete("tasks where " + FORGETTABLE, before);
    });
  }

  private int delete(String rows, Instant before) {
    return jdbc.sql("delete from " + rows).param("before", UtcTime.of(before)).update();
  }
}
