package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/** What audits of change tracking found. Safe for use by several threads. */
public final class CbtAudits {

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Leases leases;

  public CbtAudits(DataSource dataSource, PlatformTransactionManager manager, Leases leases) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.leases = leases;
  }

  /**
   * One disk backup's audit. All in bytes.
   *
   * @param position where the disk's next audit goes on
   * @param ranges what was changed and not tracked, ascending, as far as it is kept
   */
  public record Audit(
      long bytesAudited, long bytesDiffering, long position, List<ByteRange> ranges) {

    public Audit {
      ranges = List.copyOf(ranges);
    }
  }

  /**
   * Notes an audit, in place of an earlier one of the same disk backup.
   *
   * @throws FencedException when the disk backup does not run under this lease
   */
  public void record(BackupId backup, DiskBackupId id, long leaseToken, Audit audit)
      throws FencedException {
    transactions.in(() -> {
      leases.check(leaseToken, backup);
      jdbc.sql(
              """
              update backup_disks set bytes_audited = :audited, bytes_differing = :differing,
                audit_position = :position
              where id = :id\
              """)
          .param("audited", audit.bytesAudited())
          .param("differing", audit.bytesDiffering())
          .param("position", audit.position())
          .param("id", id.value())
          .update();
      forget(id);
      for (ByteRange range : audit.ranges()) {
        insert(id, range);
      }
      return id;
    });
  }

  private void forget(DiskBackupId id) {
    jdbc.sql("delete from cbt_audit_ranges where disk_backup_id = :id")
        .param("id", id.value())
        .update();
  }

  private void insert(DiskBackupId id, ByteRange range) {
    jdbc.sql(
            """
            insert into cbt_audit_ranges (disk_backup_id, offset_bytes, length_bytes)
            values (:id, :offset, :length)\
            """)
        .param("id", id.value())
        .param("offset", range.offset())
        .param("length", range.length())
        .update();
  }

  /** The ranges of a disk backup's audit that differed, ascending, the first thousand. */
  public List<ByteRange> ranges(DiskBackupId id) {
    return jdbc.sql(
            """
            select offset_bytes, length_bytes from cbt_audit_ranges
            where disk_backup_id = :id order by offset_bytes\
            """)
        .param("id", id.value())
        .query(
            (row, index) -> new ByteRange(row.getLong("offset_bytes"), row.getLong("length_bytes")))
        .list();
  }
}
