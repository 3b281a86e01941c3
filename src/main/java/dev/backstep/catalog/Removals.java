package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Restore points that go. The catalog forgets one before the repository does, and remembers until
 * the end that files may be left. Each method joins the surrounding transaction, else runs in one
 * of its own. Safe for use by several threads.
 */
public final class Removals {

  private final JdbcClient jdbc;
  private final Clock clock;

  public Removals(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * Locks a backup and its VM until the surrounding transaction ends: no backup of that VM begins
   * meanwhile, and so none that would stand on this one.
   *
   * @throws VmBusyException when the VM has a backup that runs or waits
   * @throws java.util.NoSuchElementException when there is no such backup
   */
  public void lock(BackupId id) {
    BackupOwner owner =
        BackupOwner.find(jdbc, id).orElseThrow(() -> BackupQueries.unknown(id.value()));
    BusyVm.requireIdle(jdbc, owner.vm());
    BackupOwner.lock(jdbc, id);
  }

  /** The oldest completed disk backup of another backup whose image stands on one of this one. */
  public Optional<BackupDiskRow> standingOn(BackupId id) {
    return jdbc.sql(
            """
            select d.* from backup_disks d
            join backup_disks own on own.repository_id = d.repository_id and own.vm_id = d.vm_id
              and own.disk_id = d.disk_id and own.id = d.base_id
            where own.backup_id = :id and d.backup_id <> :id and d.status = 'COMPLETED'
            order by d.completed_at, d.id limit 1\
            """)
        .param("id", id.value())
        .query((row, index) -> BackupRows.disk(row))
        .optional();
  }

  /**
   * Makes a restore point one no longer: from the end of the transaction on none of its change ids
   * is known, and nothing will stand on its images.
   */
  public void begin(BackupId id) {
    jdbc.sql("update backups set status = :status, note = :note where id = :id")
        .param("status", Status.DELETING.name())
        .param("note", "deleted at " + clock.instant())
        .param("id", id.value())
        .update();
    jdbc.sql(
            """
            update backup_disks set status = :status, change_id = null, image = null,
              lineage_no = null
            where backup_id = :id and status = 'COMPLETED'\
            """)
        .param("status", Status.DELETED.name())
        .param("id", id.value())
        .update();
  }

  /** Backups of which files may be left. */
  public List<BackupId> unfinished() {
    return jdbc.sql("select id from backups where status = :status order by id")
        .param("status", Status.DELETING.name())
        .query((row, index) -> new BackupId(row.getString("id")))
        .list();
  }

  /** Notes that no file is left. */
  public void finished(BackupId id) {
    Proofs.forget(jdbc, id.value());
    jdbc.sql("update backups set status = :deleted where id = :id and status = :deleting")
        .param("deleted", Status.DELETED.name())
        .param("id", id.value())
        .param("deleting", Status.DELETING.name())
        .update();
  }
}
