package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Backups that wait for a server: new ones, and those to be gone on with. One queue for all servers
 * of a database. Each method joins the surrounding transaction, else runs in one of its own. Safe
 * for use by several threads.
 */
public final class BackupQueue {

  /**
   * A backup asked for. The VM and the repository must be registered.
   *
   * @param definition the job definition as text, kept as it is
   * @param retries what happens after a failure
   */
  public record Request(
      VmId vm,
      RepositoryId repository,
      RequestedLevel level,
      String definition,
      Launch launch,
      Continuations.Retries retries) {}

  /** How many backups run, and where. */
  public record Load(RepositoryId repository, Optional<String> sourceHost) {}

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Clock clock;

  public BackupQueue(DataSource dataSource, PlatformTransactionManager manager, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.clock = clock;
  }

  /**
   * Puts a backup in the queue: from here on no other one of this VM can begin.
   *
   * @return its id, as {@link Backups#begin} makes them
   * @throws VmBusyException when the VM has a backup that runs or waits
   * @throws org.springframework.dao.DuplicateKeyException when its scheduled start became a backup
   *     already
   * @throws IllegalStateException when the VM is not registered
   */
  public BackupId add(Request request) {
    return transactions.in(() -> {
      BusyVm.requireIdle(jdbc, request.vm());
      Instant now = clock.instant();
      BackupId id =
          BackupNames.backup(request.vm(), now, taken -> BackupNames.isTaken(jdbc, taken.value()));
      new NewBackupRows(jdbc).insertQueued(id, request, now);
      return id;
    });
  }

  /**
   * Puts a failed or stopped backup in the queue, to be gone on with when there is room, whatever
   * its window: from here on no other one of its VM can begin. It is a server's from then on, also
   * where a command began it. The process that ran it before has no say in it any more.
   *
   * @param caller who asked for it, where nobody has asked a server for it before
   * @param sourceHost where its source is, should that not be known
   * @return false when it is neither failed nor stopped by now
   * @throws VmBusyException when the VM has a backup that runs or waits, be it this one
   * @throws java.util.NoSuchElementException when there is no such backup
   */
  public boolean addAgain(BackupId id, String caller, Optional<String> sourceHost) {
    return transactions.in(() -> {
      BusyVm.requireIdle(jdbc, owner(id).vm());
      // MariaDB assigns from left to right: the origin is looked at before it is changed.
      return jdbc.sql(
                  """
                  update backups set status = 'QUEUED', active_vm_id = vm_id, start_after = :now,
                    stop_at = null, waiting_for = null, completed_at = null, lease_token = null,
                    source_host = coalesce(source_host, :host),
                    requested_by = case when origin = 'COMMAND' then :caller else requested_by end,
                    origin = case when origin = 'COMMAND' then 'API' else origin end
                  where id = :id and status in ('FAILED', 'STOPPED')\
                  """)
              .param("now", UtcTime.of(clock.instant()))
              .param("host", sourceHost.orElse(null))
              .param("caller", caller)
              .param("id", id.value())
              .update()
          == 1;
    });
  }

  /**
   * Runs work while no other process decides what begins next; all that it changes is seen at once
   * by whoever decides after it.
   */
  public <T> T inTurn(Supplier<T> work) {
    return transactions.in(() -> {
      jdbc.sql("select id from queue_turn for update").query(Integer.class).single();
      return work.get();
    });
  }

  /**
   * Locks a backup's row until the surrounding transaction ends, unless another transaction has it:
   * nobody waits for a row in the turn of all.
   *
   * @return whether it is locked now
   */
  public boolean tryLock(BackupId id) {
    return jdbc.sql("select id from backups where id = :id for update skip locked")
        .param("id", id.value())
        .query(String.class)
        .optional()
        .isPresent();
  }

  /** Backups whose time has come, the one that waits longest first. */
  public List<DueBackup> due(Instant now) {
    return jdbc.sql(
            """
            select b.id, b.repository_id, b.source_host, b.stop_at, b.waiting_for,
              coalesce(a.id, (
                select min(r.id) from replication_runs r join tasks t on t.id = r.id
                where r.vm_id = b.vm_id and t.status = 'RUNNING'), (
                select min(m.task_id) from restored_machines m join tasks t on t.id = m.task_id
                where m.vm_id = b.vm_id and t.status = 'RUNNING')) as busy_with
            from backups b left join backups a on a.active_vm_id = b.vm_id and a.id <> b.id
            where b.start_after <= :now and b.status in ('QUEUED', 'FAILED', 'STOPPED')
              and b.mover = :mover
            order by b.start_after, b.created_at, b.id\
            """)
        .param("now", UtcTime.of(now))
        .param("mover", Mover.INTERNAL.name())
        .query((row, index) -> BackupRows.due(row))
        .list();
  }

  /**
   * One entry for each backup that this program copies now, here or in another process. Those of
   * movers outside take no place: who copies them decides how many at once, and one that has fallen
   * silent would keep others waiting until its limit.
   */
  public List<Load> load() {
    return jdbc.sql(
            """
            select repository_id, source_host from backups
            where status = 'RUNNING' and mover = :mover\
            """)
        .param("mover", Mover.INTERNAL.name())
        .query((row, index) ->
            new Load(
                new RepositoryId(row.getString("repository_id")),
                Optional.ofNullable(row.getString("source_host"))))
        .list();
  }

  /** The backup that a scheduled start became. */
  public Optional<BackupId> ofFire(VmId vm, Instant scheduledAt) {
    return jdbc.sql("select id from backups where vm_id = :vm and scheduled_at = :scheduled")
        .param("vm", vm.value())
        .param("scheduled", UtcTime.of(scheduledAt))
        .query((row, index) -> new BackupId(row.getString("id")))
        .optional();
  }

  /**
   * Takes a backup under a lease: one that waits in the queue, or one that failed or was stopped
   * and that a server is to go on with by itself. It is RUNNING from here on. Its disks that are
   * not completed become PENDING and keep their counters. Nothing is thrown where it is not so any
   * more: in the turn of the queue an exception would undo the whole turn.
   *
   * @return false when it is neither by now, or something else has the VM of one that is not
   *     queued; nothing is changed then
   * @throws java.util.NoSuchElementException when there is no such backup
   */
  public boolean take(BackupId id, long leaseToken) {
    return transactions.in(() -> {
      boolean taken =
          take(id, leaseToken, "status = 'QUEUED'")
              || BusyVm.of(jdbc, owner(id).vm()).isEmpty()
                  && take(
                      id,
                      leaseToken,
                      "status in ('FAILED', 'STOPPED') and start_after is not null");
      if (taken) {
        DiskBackups.allUnfinished(jdbc, id, Status.PENDING);
      }
      return taken;
    });
  }

  private boolean take(BackupId id, long leaseToken, String waiting) {
    return jdbc.sql(
                """
                update backups set status = 'RUNNING', active_vm_id = vm_id, lease_token = :token,
                  completed_at = null, attempts = attempts + 1, start_after = null,
                  waiting_for = null
                where id = :id and
                """
                    + waiting)
            .param("token", leaseToken)
            .param("id", id.value())
            .update()
        == 1;
  }

  /** Notes why a backup whose time has come does not begin; writes nothing when that is known. */
  public void waits(DueBackup backup, String reason) {
    if (!backup.waitingFor().equals(Optional.of(reason))) {
      jdbc.sql("update backups set waiting_for = :reason where id = :id")
          .param("reason", reason)
          .param("id", backup.id().value())
          .update();
    }
  }

  /**
   * Puts off a backup that a server is to begin or to go on with by itself.
   *
   * @param stopAt the end of the window that it is to run in
   * @return false when no server is to, as after an operator has stopped it; nothing is changed
   *     then
   */
  public boolean later(BackupId id, Instant startAfter, Optional<Instant> stopAt) {
    return jdbc.sql(
                """
                update backups set start_after = :start, stop_at = :stop, waiting_for = null
                where id = :id and status in ('QUEUED', 'FAILED', 'STOPPED')
                  and start_after is not null\
                """)
            .param("start", UtcTime.of(startAfter))
            .param("stop", stopAt.map(UtcTime::of).orElse(null))
            .param("id", id.value())
            .update()
        == 1;
  }

  /**
   * Takes a queued backup out of the queue; it can be relaunched.
   *
   * @param leaseToken of whoever does it
   * @param note why, for whoever reads its row; empty: the one that it has stays
   * @return whether it was still waiting
   */
  public boolean cancel(BackupId id, long leaseToken, Optional<String> note) {
    return jdbc.sql(
                """
                update backups set status = 'STOPPED', active_vm_id = null, start_after = null,
                  waiting_for = null, completed_at = :now, lease_token = :token,
                  note = coalesce(:note, note)
                where id = :id and status = 'QUEUED'\
                """)
            .param("now", UtcTime.of(clock.instant()))
            .param("note", note.orElse(null))
            .param("token", leaseToken)
            .param("id", id.value())
            .update()
        == 1;
  }

  private BackupOwner owner(BackupId id) {
    return BackupOwner.find(jdbc, id).orElseThrow(() -> BackupQueries.unknown(id.value()));
  }
}
