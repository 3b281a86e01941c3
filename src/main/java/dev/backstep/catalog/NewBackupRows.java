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

  void insertQueued(BackupId id, BackupQueue.Request request, Instant now) {
    Launch launch = request.launch();
    jdbc.sql(
            """
            insert into backups (id, vm_id, repository_id, status, requested_level, definition,
              created_at, active_vm_id, origin, requested_by, mover, source_host, scheduled_at,
              start_after, stop_at, tags, retries_left, retry_pause)
            values (:id, :vm, :repository, 'QUEUED', :level, :definition, :now, :vm, :origin,
              :requestedBy, :mover, :host, :scheduledAt, :startAfter, :stopAt, :tags, :retries, :pause)\
            """)
        .param("id", id.value())
        .param("vm", request.vm().value())
        .param("repository", request.repository().value())
        .param("level", request.level().name())
        .param("definition", request.definition())
        .param("now", UtcTime.of(now))
        .param("origin", launch.origin().name())
        .param("requestedBy", launch.requestedBy().orElse(null))
        .param("mover", launch.mover().name())
        .param("host", launch.sourceHost().orElse(null))
        .param("scheduledAt", launch.scheduledAt().map(UtcTime::of).orElse(null))
        .param("startAfter", UtcTime.of(launch.startAfter().orElse(now)))
        .param("stopAt", launch.stopAt().map(UtcTime::of).orElse(null))
        .param("retries", request.retries().count())
        .param("pause", request.retries().pause().toSeconds())
        .param("tags", launch.tags().isEmpty() ? null : String.join("\n", launch.tags()))
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
