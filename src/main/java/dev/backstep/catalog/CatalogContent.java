package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RepositoryId;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What the catalog says a repository holds. Changes nothing. Safe for use by several threads. */
public final class CatalogContent {

  private final JdbcClient jdbc;

  public CatalogContent(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  /**
   * A completed disk backup.
   *
   * @param virtualSize in bytes
   */
  public record Image(
      DiskBackupId id,
      BackupId backup,
      int diskId,
      Optional<ChangeId> changeId,
      Optional<DiskBackupId> base,
      long virtualSize) {}

  /** The ids of its restore points. */
  public List<BackupId> points(RepositoryId repository) {
    return jdbc.sql(
            "select id from backups where repository_id = :id and status = 'COMPLETED' order by id")
        .param("id", repository.value())
        .query((row, index) -> new BackupId(row.getString("id")))
        .list();
  }

  /** Its completed images. */
  public List<Image> images(RepositoryId repository) {
    return jdbc.sql(
            """
            select id, backup_id, disk_id, change_id, base_id, virtual_size from backup_disks
            where repository_id = :id and status = 'COMPLETED' order by id\
            """)
        .param("id", repository.value())
        .query((row, index) ->
            new Image(
                new DiskBackupId(row.getString("id")),
                new BackupId(row.getString("backup_id")),
                row.getInt("disk_id"),
                Optional.ofNullable(row.getString("change_id")).map(ChangeId::new),
                Optional.ofNullable(row.getString("base_id")).map(DiskBackupId::new),
                row.getLong("virtual_size")))
        .list();
  }

  /** The ids of backups whose files are being written or deleted, and of their disk backups. */
  public Set<String> atWork(RepositoryId repository) {
    return Set.copyOf(
        jdbc.sql(
                """
                select id from backups
                where repository_id = :id and status in ('RUNNING', 'DELETING')
                union all
                select d.id from backups b join backup_disks d on d.backup_id = b.id
                where b.repository_id = :id and b.status in ('RUNNING', 'DELETING')\
                """)
            .param("id", repository.value())
            .query((row, index) -> row.getString("id"))
            .list());
  }
}
