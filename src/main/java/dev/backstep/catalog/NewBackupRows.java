package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.time.Instant;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The statements that add to {@code backups}. Runs in its caller's transaction. */
final class NewBackupRows {

  private final JdbcClient jdbc;

  NewBackupRows(JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  void insert(BackupId id, Backups.NewBackup backup, Instant now) {
    jdbc.sql(
            """
            insert into backups (id, vm_id, repository_id, status, requested_level, definition,
              created_at, active_vm_id, lease_token)
            values (:id, :vm, :repository, 'RUNNING', :level, :definition, :now, :vm, :token)\
            """)
        .param("id", id.value())
        .param("vm", backup.vm().value())
        .param("repository", backup.repository().value())
        .param("level", backup.level().name())
        .param("definition", backup.definition())
        .param("now", UtcTime.of(now))
        .param("token", backup.leaseToken())
        .update();
  }

  /**
   * An abandoned backup beside another one, for the disks that were completed from a lost snapshot:
   * a relaunch would make a restore point of some disks.
   */
  void insertLost(BackupId id, BackupId to, Instant now) {
    jdbc.sql(
            """
            insert into backups (id, vm_id, repository_id, status, requested_level, definition,
              created_at, completed_at, lease_token, snapshot_taken_at, snapshot_no, note)
            select :to, vm_id, repository_id, 'ABANDONED', requested_level, definition,
              created_at, :now, lease_token, snapshot_taken_at, snapshot_no, :note
            from backups where id = :id\
            """)
        .param("to", to.value())
        .param("now", UtcTime.of(now))
        .param("note", "disks of " + id + " whose snapshot was lost before the others were copied")
        .param("id", id.value())
        .update();
  }
}
