package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Restore points that were copied to another repository, apart from the backups: nothing that asks
 * for a baseline or a change id finds them. Each method joins the surrounding transaction, else
 * runs in one of its own. Safe for use by several threads.
 */
public final class Copies {

  private final JdbcClient jdbc;
  private final Clock clock;

  public Copies(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /** A copied restore point; {@code takenAt} is its snapshot's moment. */
  public record Point(BackupId id, Instant takenAt) {}

  /** An image that was copied; {@code bytes} is the file's length. */
  public record Image(DiskBackupId id, int diskId, long bytes) {}

  /** Locks a registered repository until the surrounding transaction ends. */
  public void lock(RepositoryId repository) {
    jdbc.sql("select id from repositories where id = :id for update")
        .param("id", repository.value())
        .query(String.class)
        .single();
  }

  /** The settings of all copies that run. */
  public List<String> running() {
    return jdbc.sql("select settings from tasks where kind = 'COPY' and status = 'RUNNING'")
        .query((row, index) -> row.getString("settings"))
        .list();
  }

  /** Notes a restore point that is there now; again it changes nothing. */
  public void copied(
      RepositoryId repository, VmId vm, RepositoryId source, BackupId id, Instant takenAt) {
    if (exists("copies", "backup_id", repository, id.value())) {
      return;
    }
    jdbc.sql(
            """
            insert into copies (repository_id, backup_id, vm_id, source_id, snapshot_taken_at,
              copied_at)
            values (:repository, :id, :vm, :source, :taken, :now)\
            """)
        .param("repository", repository.value())
        .param("id", id.value())
        .param("vm", vm.value())
        .param("source", source.value())
        .param("taken", UtcTime.of(takenAt))
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }

  /** Notes an image that is about to be there; again it changes nothing. */
  public void copying(RepositoryId repository, VmId vm, Image image) {
    if (exists("copied_images", "disk_backup_id", repository, image.id().value())) {
      return;
    }
    jdbc.sql(
            """
            insert into copied_images (repository_id, disk_backup_id, vm_id, disk_id, bytes_stored,
              copied_at)
            values (:repository, :id, :vm, :disk, :bytes, :now)\
            """)
        .param("repository", repository.value())
        .param("id", image.id().value())
        .param("vm", vm.value())
        .param("disk", image.diskId())
        .param("bytes", image.bytes())
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }

  private boolean exists(String table, String column, RepositoryId repository, String id) {
    return jdbc.sql(
                "select count(*) from "
                    + table
                    + " where repository_id = :repository and "
                    + column
                    + " = :id")
            .param("repository", repository.value())
            .param("id", id)
            .query(Long.class)
            .single()
        > 0;
  }

  /** The copies of a VM in a repository, newest first. */
  public List<Point> points(RepositoryId repository, VmId vm) {
    return jdbc.sql(
            """
            select backup_id, snapshot_taken_at from copies
            where repository_id = :repository and vm_id = :vm
            order by snapshot_taken_at desc, backup_id desc\
            """)
        .param("repository", repository.value())
        .param("vm", vm.value())
        .query((row, index) ->
            new Point(
                new BackupId(row.getString("backup_id")), UtcTime.read(row, "snapshot_taken_at")))
        .list();
  }

  /** The images of a VM that were copied to a repository, last copied first. */
  public List<Image> images(RepositoryId repository, VmId vm) {
    return jdbc.sql(
            """
            select disk_backup_id, disk_id, bytes_stored from copied_images
            where repository_id = :repository and vm_id = :vm
            order by copied_at desc, disk_backup_id desc\
            """)
        .param("repository", repository.value())
        .param("vm", vm.value())
        .query((row, index) ->
            new Image(
                new DiskBackupId(row.getString("disk_backup_id")),
                row.getInt("disk_id"),
                row.getLong("bytes_stored")))
        .list();
  }

  /** Forgets a copy that is gone. */
  public void gone(RepositoryId repository, BackupId id) {
    jdbc.sql("delete from copies where repository_id = :repository and backup_id = :id")
        .param("repository", repository.value())
        .param("id", id.value())
        .update();
  }

  /** Forgets an image that is gone. */
  public void gone(RepositoryId repository, DiskBackupId id) {
    jdbc.sql("delete from copied_images where repository_id = :repository and disk_backup_id = :id")
        .param("repository", repository.value())
        .param("id", id.value())
        .update();
  }
}
