package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.VmId;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Backups that a server goes on with by itself: after the end of a window, a shutdown, a failure, a
 * process that died. That it will is in the database before the backup ends, so that no accident in
 * between can forget it. Each method joins the surrounding transaction, else runs in one of its
 * own. Safe for use by several threads.
 */
public final class Continuations {

  /** A backup that takes its process with it would do so for ever. */
  private static final int OWNER_DEATHS_MAX = 5;

  /**
   * A backup that did not end well and that a server will go on with.
   *
   * @param at when, unless something is in its way then
   */
  public record Pending(BackupId backup, Instant at) {}

  private final JdbcClient jdbc;
  private final Clock clock;

  public Continuations(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * Lets a server go on with a backup that is about to be stopped.
   *
   * @param stopAt the end of the window that it is to run in then
   */
  public void afterStop(BackupId running, Instant startAfter, Optional<Instant> stopAt) {
    jdbc.sql(
            """
            update backups set start_after = :start, stop_at = :stop
            where id = :id and status = 'RUNNING'\
            """)
        .param("start", UtcTime.of(startAfter))
        .param("stop", stopAt.map(UtcTime::of).orElse(null))
        .param("id", running.value())
        .update();
  }

  /** Notes why no server will go on with a backup that is about to be stopped. */
  public void note(BackupId running, String note) {
    jdbc.sql("update backups set note = :note where id = :id and status = 'RUNNING'")
        .param("note", note)
        .param("id", running.value())
        .update();
  }

  /**
   * As {@link #afterStop} at once, in the same window; not for one that a command runs, nor for one
   * that another process has taken over.
   */
  public void afterShutdown(BackupId running, long leaseToken) {
    jdbc.sql(
            """
            update backups set start_after = :now
            where id = :id and status = 'RUNNING' and lease_token = :token
              and origin <> 'COMMAND' and start_after is null\
            """)
        .param("now", UtcTime.of(clock.instant()))
        .param("token", leaseToken)
        .param("id", running.value())
        .update();
  }

  /** Whether what made a backup fail is its process, or the database, and not the backup. */
  public static boolean isOfProcess(Throwable failure) {
    return failure instanceof SQLException
        || failure instanceof FencedException
        || failure.getCause() instanceof FencedException;
  }

  /**
   * Notes that the process which ran a backup is gone: a server goes on with it, unless a command
   * ran it or it has outlived too many processes. Changes nothing where the backup is not that
   * process's any more.
   *
   * @param leaseToken of that process
   * @return whether a server will go on with it
   */
  public boolean afterDeath(BackupId running, long leaseToken) {
    jdbc.sql(
            """
            update backups set
              start_after = case when origin <> 'COMMAND' and owner_deaths < :max
                then coalesce(start_after, :now) end,
              owner_deaths = owner_deaths + 1
            where id = :id and status = 'RUNNING' and lease_token = :token\
            """)
        .param("max", OWNER_DEATHS_MAX)
        .param("token", leaseToken)
        .param("now", UtcTime.of(clock.instant()))
        .param("id", running.value())
        .update();
    return jdbc.sql("select start_after from backups where id = :id and start_after is not null")
        .param("id", running.value())
        .query((row, index) -> UtcTime.read(row, "start_after"))
        .optional()
        .isPresent();
  }

  /**
   * Backups that run under a lease and are past their window, or to be stopped for another cause.
   */
  public List<BackupId> toStop(long leaseToken, Instant now) {
    return jdbc.sql(
            """
            select id from backups
            where status = 'RUNNING' and mover = 'INTERNAL' and lease_token = :token
              and (stop_at <= :now or start_after is not null)
            order by id\
            """)
        .param("token", leaseToken)
        .param("now", UtcTime.of(now))
        .query((row, index) -> new BackupId(row.getString("id")))
        .list();
  }

  /**
   * Decides on backups that failed and have a try left: a server goes on with them after their
   * pause. Those of a mover outside are its own to ask for again.
   *
   * @return how many
   */
  public int retryFailed() {
    List<Pending> failed =
        jdbc.sql(
                """
                select id, completed_at, retry_pause from backups
                where status = 'FAILED' and retries_left > 0 and start_after is null
                  and mover = 'INTERNAL'\
                """)
            .query((row, index) ->
                new Pending(
                    new BackupId(row.getString("id")),
                    UtcTime.find(row, "completed_at")
                        .orElseGet(clock::instant)
                        .plusSeconds(row.getLong("retry_pause"))))
            .list();
    failed.forEach(this::retry);
    return failed.size();
  }

  private void retry(Pending failed) {
    jdbc.sql(
            """
            update backups set start_after = :start, retries_left = retries_left - 1
            where id = :id and status = 'FAILED' and retries_left > 0 and start_after is null\
            """)
        .param("start", UtcTime.of(failed.at()))
        .param("id", failed.backup().value())
        .update();
  }

  /**
   * Leaves a backup to operators: no server goes on with it by itself.
   *
   * @param note why, for whoever reads its row
   * @return false when it runs now, or is in the queue; nothing is changed then
   */
  public boolean notAgain(BackupId id, String note) {
    return jdbc.sql(
                """
                update backups set note = case when start_after is null then note else :note end,
                  start_after = null, stop_at = null, waiting_for = null, retries_left = 0
                where id = :id and status in ('FAILED', 'STOPPED', 'ABANDONED')\
                """)
            .param("note", note)
            .param("id", id.value())
            .update()
        == 1;
  }

  /**
   * As {@link #notAgain} for one that has not ended well and whose snapshot was held long enough.
   *
   * @return false when it runs, waits or is completed by now, or holds a newer snapshot
   */
  public boolean expired(BackupId id, String note) {
    return jdbc.sql(
                """
                update backups set note = case when start_after is null then note else :note end,
                  start_after = null, stop_at = null, waiting_for = null, retries_left = 0
                where id = :id and status in ('FAILED', 'STOPPED', 'ABANDONED')
                  and snapshot_keep_until < :now\
                """)
            .param("note", note)
            .param("id", id.value())
            .param("now", UtcTime.of(clock.instant()))
            .update()
        == 1;
  }

  /** The backup of a VM that a server will go on with; the newest where there are several. */
  public Optional<Pending> of(VmId vm) {
    return jdbc.sql(
            """
            select id, start_after from backups
            where vm_id = :vm and status in ('FAILED', 'STOPPED') and start_after is not null
            order by created_at desc limit 1\
            """)
        .param("vm", vm.value())
        .query((row, index) ->
            new Pending(new BackupId(row.getString("id")), UtcTime.read(row, "start_after")))
        .optional();
  }

  /** How long a failed backup waits for its next try, and how often it is tried again. */
  public record Retries(int count, Duration pause) {

    public static final Retries NONE = new Retries(0, Duration.ZERO);
  }
}
