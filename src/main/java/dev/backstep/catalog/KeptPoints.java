package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What retention chooses among, and the pins of operators. Safe for use by several threads. */
public final class KeptPoints {

  private final JdbcClient jdbc;
  private final Clock clock;

  public KeptPoints(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /**
   * A restore point.
   *
   * @param takenAt its snapshot's moment
   * @param immutableUntil before when it cannot be deleted
   */
  public record Point(
      BackupId id, Instant takenAt, boolean pinned, Optional<Instant> immutableUntil) {}

  /**
   * A completed image, of whatever backup.
   *
   * @param bytes the file's length
   * @param proven whether its data was found right, and it is not called damaged since
   */
  public record Image(
      DiskBackupId id, BackupId backup, Optional<DiskBackupId> base, long bytes, boolean proven) {}

  /** The restore points of a VM in a repository, newest first. */
  public List<Point> points(RepositoryId repository, VmId vm) {
    return jdbc.sql(
            """
            select b.id, coalesce(b.snapshot_taken_at, b.created_at) as taken_at,
              b.immutable_until, p.backup_id as pin
            from backups b left join pins p on p.backup_id = b.id
            where b.repository_id = :repository and b.vm_id = :vm and b.status = 'COMPLETED'
            order by taken_at desc, b.id desc\
            """)
        .param("repository", repository.value())
        .param("vm", vm.value())
        .query((row, index) ->
            new Point(
                new BackupId(row.getString("id")),
                UtcTime.read(row, "taken_at"),
                row.getString("pin") != null,
                UtcTime.find(row, "immutable_until")))
        .list();
  }

  /** All completed images of a VM in a repository, in the order of their making. */
  public List<Image> images(RepositoryId repository, VmId vm) {
    return jdbc.sql(
            """
            select d.id, d.backup_id, d.base_id, d.bytes_stored, d.damaged, p.proof
            from backup_disks d
            left join image_proofs p on p.disk_backup_id = d.id and p.proof = 'DATA'
            where d.repository_id = :repository and d.vm_id = :vm and d.status = 'COMPLETED'
            order by d.lineage_no, d.disk_id\
            """)
        .param("repository", repository.value())
        .param("vm", vm.value())
        .query((row, index) ->
            new Image(
                new DiskBackupId(row.getString("id")),
                new BackupId(row.getString("backup_id")),
                Optional.ofNullable(row.getString("base_id")).map(DiskBackupId::new),
                row.getLong("bytes_stored"),
                row.getString("proof") != null && !row.getBoolean("damaged")))
        .list();
  }

  /** Keeps a restore point until it is unpinned; one that is pinned stays so. */
  public void pin(BackupId id) {
    if (!isPinned(id)) {
      try {
        jdbc.sql("insert into pins (backup_id, pinned_at) values (:id, :now)")
            .param("id", id.value())
            .param("now", UtcTime.of(clock.instant()))
            .update();
      } catch (DuplicateKeyException e) {
        return; // somebody else has just pinned it
      }
    }
  }

  /** Lets retention have it again; one that is not pinned stays so. */
  public void unpin(BackupId id) {
    jdbc.sql("delete from pins where backup_id = :id").param("id", id.value()).update();
  }

  public boolean isPinned(BackupId id) {
    return jdbc.sql("select count(*) from pins where backup_id = :id")
            .param("id", id.value())
            .query(Long.class)
            .single()
        > 0;
  }
}
