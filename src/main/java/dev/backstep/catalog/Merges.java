package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Images that come to stand on others than before. Each method joins the surrounding transaction,
 * else runs in one of its own. Safe for use by several threads.
 */
public final class Merges {

  private final JdbcClient jdbc;

  public Merges(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  /**
   * A completed image, of whatever backup.
   *
   * @param chainLength images in its chain, itself included
   * @param bytes the file's length
   * @param damaged whether a check found it, or one that it needs, damaged
   */
  public record Image(
      DiskBackupId id,
      BackupId backup,
      int diskId,
      Optional<DiskBackupId> base,
      int chainLength,
      long bytes,
      boolean damaged) {}

  /** All completed images of a VM in a repository, each behind the one that it stands on. */
  public List<Image> images(RepositoryId repository, VmId vm) {
    return jdbc.sql(
            """
            select id, backup_id, disk_id, base_id, chain_length, bytes_stored, damaged
            from backup_disks
            where repository_id = :repository and vm_id = :vm and status = 'COMPLETED'
            order by disk_id, lineage_no\
            """)
        .param("repository", repository.value())
        .param("vm", vm.value())
        .query((row, index) ->
            new Image(
                new DiskBackupId(row.getString("id")),
                new BackupId(row.getString("backup_id")),
                row.getInt("disk_id"),
                Optional.ofNullable(row.getString("base_id")).map(DiskBackupId::new),
                row.getInt("chain_length"),
                row.getLong("bytes_stored"),
                row.getBoolean("damaged")))
        .list();
  }

  /**
   * Locks a VM until the surrounding transaction ends: no backup of it begins meanwhile.
   *
   * @throws VmBusyException when it has a backup that runs or waits
   */
  public void lock(VmId vm) {
    BusyVm.requireIdle(jdbc, vm);
  }

  /**
   * Whether the data of an image was found right, and of those that it stands on down to another.
   */
  public boolean isProven(DiskBackupId id, Optional<DiskBackupId> base) {
    Optional<DiskBackupId> next = Optional.of(id);
    while (next.isPresent() && !next.equals(base)) {
      String own = next.get().value();
      boolean proven =
          jdbc.sql(
                      """
                      select count(*) from image_proofs
                      where disk_backup_id = :id and proof = 'DATA'\
                      """)
                  .param("id", own)
                  .query(Long.class)
                  .single()
              > 0;
      if (!proven) {
        return false;
      }
      next =
          jdbc.sql("select base_id from backup_disks where id = :id and base_id is not null")
              .param("id", own)
              .query(String.class)
              .optional()
              .map(DiskBackupId::new);
    }
    return true;
  }

  /**
   * Notes that an image was written anew and stands on another one, or none. Its change id stays
   * its own. Again it changes nothing.
   *
   * @param bytesStored length of its file
   * @param checksumKind of its checksums
   * @param proven whether that was read again and found right, as the one before it was; if not,
   *     what was found of that one is forgotten
   */
  public void rebased(
      DiskBackupId id,
      Optional<DiskBackupId> base,
      long bytesStored,
      Optional<String> checksumKind,
      boolean proven) {
    int length = base.map(this::chainLength).orElse(0) + 1;
    jdbc.sql(
            """
            update backup_disks set base_id = :base, chain_length = :length, bytes_stored = :stored,
              checksum_kind = :kind
            where id = :id and status = 'COMPLETED'\
            """)
        .param("base", base.map(DiskBackupId::value).orElse(null))
        .param("length", length)
        .param("stored", bytesStored)
        .param("kind", checksumKind.orElse(null))
        .param("id", id.value())
        .update();
    if (!proven) {
      jdbc.sql(
              """
              delete from image_proofs
              where disk_backup_id = :id and proof in ('STRUCTURE', 'DATA')\
              """)
          .param("id", id.value())
          .update();
    }
    shorten(new Link(id.value(), length));
  }

  private record Link(String id, int chainLength) {}

  private void shorten(Link from) {
    Deque<Link> open = new ArrayDeque<>(List.of(from));
    while (!open.isEmpty()) {
      Link below = open.remove();
      List<String> above =
          jdbc.sql("select id from backup_disks where base_id = :id and status = 'COMPLETED'")
              .param("id", below.id())
              .query((row, index) -> row.getString("id"))
              .list();
      for (String id : above) {
        Link link = new Link(id, below.chainLength() + 1);
        jdbc.sql("update backup_disks set chain_length = :length where id = :id")
            .param("length", link.chainLength())
            .param("id", id)
            .update();
        open.add(link);
      }
    }
  }

  private int chainLength(DiskBackupId id) {
    return jdbc.sql("select chain_length from backup_disks where id = :id")
        .param("id", id.value())
        .query(Integer.class)
        .single();
  }
}
