package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Status;
import java.time.Clock;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * What backups of mover {@code EXTERNAL} have beside others: a deadline for the mover's next sign
 * of life, exports, and an owner that changes without the backup being relaunched. Each method
 * joins the surrounding transaction, else runs in one of its own. Safe for use by several threads.
 */
public final class MovedBackups {

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Leases leases;
  private final BackupQueue queue;
  private final Clock clock;

  public MovedBackups(
      DataSource dataSource,
      PlatformTransactionManager manager,
      Leases leases,
      BackupQueue queue,
      Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.leases = leases;
    this.queue = queue;
    this.clock = clock;
  }

  /**
   * Begins a backup: it runs from here on, and no other one of its VM can begin.
   *
   * @param request with mover EXTERNAL
   * @param takenAt the moment that the mover copies
   * @return its id, as {@link Backups#begin} makes them
   * @throws VmBusyException when the VM has a backup that runs or waits, or a task reads or writes
   *     over its disks
   */
  public BackupId begin(
      BackupQueue.Request request,
      long leaseToken,
      Instant takenAt,
      boolean exports,
      Instant deadline) {
    if (request.launch().mover() != Mover.EXTERNAL) {
      throw new IllegalArgumentException("mover " + request.launch().mover());
    }
    return transactions.in(() -> {
      // Before it is queued: this one never waits for its turn.
      BusyVm.requireFree(jdbc, request.vm());
      BackupId id = queue.add(request);
      queue.take(id, leaseToken);
      jdbc.sql(
              """
              update backups set snapshot_taken_at = :taken, snapshot_no = 1,
                mover_deadline = :deadline, mover_exports = :exports, mover_host = :host
              where id = :id\
              """)
          .param("taken", UtcTime.of(takenAt))
          .param("deadline", UtcTime.of(deadline))
          .param("exports", exports)
          .param("host", ProcessIdentity.current().host())
          .param("id", id.value())
          .update();
      return id;
    });
  }

  /**
   * Makes this process the owner of a running backup, unless another one that lives serves its
   * exports. Locks the backup until the surrounding transaction ends.
   *
   * @param leaseToken of this process
   * @return whether it is the owner now
   * @throws FencedException when the backup does not run, or the lease has ended
   */
  public boolean own(BackupId id, long leaseToken) throws FencedException {
    return transactions.in(() -> {
      BackupOwner owner = owner(id);
      if (!owner.isUnder(leaseToken)) {
        if (owner.status() == Status.RUNNING && state(id).exports() && isAlive(owner.token())) {
          return false;
        }
        jdbc.sql(
                """
                update backups set lease_token = :token, mover_host = :host
                where id = :id and status = 'RUNNING'\
                """)
            .param("token", leaseToken)
            .param("host", ProcessIdentity.current().host())
            .param("id", id.value())
            .update();
        owner = owner(id);
      }
      leases.check(leaseToken, owner);
      return true;
    });
  }

  private boolean isAlive(OptionalLong token) {
    return token.isPresent() && leases.alive(token.getAsLong());
  }

  /**
   * Locks a backup until the surrounding transaction ends, so that whoever publishes, takes it over
   * or gives it up excludes the others.
   *
   * @throws java.util.NoSuchElementException when there is no such backup
   */
  public void lock(BackupId id) {
    owner(id);
  }

  /**
   * As {@link #lock(BackupId)}, for whoever publishes.
   *
   * @throws FencedException when it does not run under this lease, or the lease has ended
   */
  public void lock(BackupId id, long leaseToken) throws FencedException {
    leases.check(leaseToken, owner(id));
  }

  /** Notes a sign of life of a running backup's mover. */
  public void renew(BackupId id, Instant deadline) {
    jdbc.sql("update backups set mover_deadline = :deadline where id = :id and status = 'RUNNING'")
        .param("deadline", UtcTime.of(deadline))
        .param("id", id.value())
        .update();
  }

  /** Whether the mover's deadline has passed. */
  public boolean isSilent(BackupId id) {
    return state(id).deadline().isBefore(clock.instant());
  }

  /**
   * @throws java.util.NoSuchElementException when there is no such backup
   */
  public MoverState state(BackupId id) {
    Map<DiskBackupId, MoverState.Export> disks = new HashMap<>();
    jdbc.sql("select id, export_open, export_breaks from backup_disks where backup_id = :id")
        .param("id", id.value())
        .query(row -> {
          disks.put(
              new DiskBackupId(row.getString("id")),
              new MoverState.Export(row.getBoolean("export_open"), row.getInt("export_breaks")));
        });
    return jdbc.sql(
            """
            select created_at, mover_deadline, mover_exports, mover_host from backups
            where id = :id\
            """)
        .param("id", id.value())
        .query((row, index) ->
            new MoverState(
                UtcTime.find(row, "mover_deadline").orElse(UtcTime.read(row, "created_at")),
                row.getBoolean("mover_exports"),
                String.valueOf(row.getString("mover_host")),
                disks))
        .optional()
        .orElseThrow(() -> BackupQueries.unknown(id.value()));
  }

  /**
   * Notes that a disk's export is about to begin. One that was open until now has broken off.
   *
   * @throws FencedException when the disk does not run under this lease
   */
  public void exportBegins(DiskBackupId id, long leaseToken) throws FencedException {
    // The count first: MariaDB assigns from left to right.
    int updated =
        jdbc.sql(
                """
                update backup_disks set
                  export_breaks = export_breaks + case when export_open then 1 else 0 end,
                  export_open = true
                where id = :id and status = 'RUNNING' and exists (
                  select 1 from backups b where b.id = backup_disks.backup_id
                    and b.status = 'RUNNING' and b.lease_token = :token)\
                """)
            .param("id", id.value())
            .param("token", leaseToken)
            .update();
    if (updated == 0) {
      throw new FencedException(
          "disk backup " + id + " does not run under lease " + leaseToken + " any more");
    }
  }

  /** Notes that a disk's export has ended with all that the mover wrote forced to disk. */
  public void exportEnded(DiskBackupId id) {
    jdbc.sql("update backup_disks set export_open = false where id = :id")
        .param("id", id.value())
        .update();
  }

  private BackupOwner owner(BackupId id) {
    return BackupOwner.lock(jdbc, id).orElseThrow(() -> BackupQueries.unknown(id.value()));
  }
}
