package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Questions about verifications. Changes nothing. Safe for use by several threads. */
public final class VerificationQueries {

  private static final String ROWS =
      """
      select t.*, v.backup_id, v.whole,
        (select count(*) from verification_images i where i.verification_id = v.id) as images,
        (select count(*) from verification_images i
          where i.verification_id = v.id and i.result <> 'PENDING') as checked,
        (select count(*) from verification_images i
          where i.verification_id = v.id and i.result = 'DAMAGED') as damaged
      from verifications v join tasks t on t.id = v.id
      """;

  private final JdbcClient jdbc;

  public VerificationQueries(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  public Optional<VerificationRow> find(String id) {
    return jdbc.sql(ROWS + "where v.id = :id")
        .param("id", id)
        .query((row, index) -> row(row))
        .optional();
  }

  /**
   * Newest first.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<VerificationRow> page(PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    String where =
        after.isPresent()
            ? "where t.created_at <= :at and (t.created_at < :at or t.id < :id)\n"
            : "";
    List<VerificationRow> rows =
        jdbc.sql(ROWS + where + "order by t.created_at desc, t.id desc limit :limit")
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> row(row))
            .list();
    return Cursor.page(rows, request, row -> Cursor.at(row.task().createdAt(), row.id()));
  }

  /** Whether a disk backup is completed, and so its image meant to be there. */
  public boolean isCompleted(DiskBackupId image) {
    return jdbc.sql("select count(*) from backup_disks where id = :id and status = 'COMPLETED'")
            .param("id", image.value())
            .query(Long.class)
            .single()
        > 0;
  }

  /** The images of one, in the order of checking. */
  public List<VerifiedImage> images(String id) {
    return jdbc.sql(
            """
            select i.image_no, i.result, i.bytes_checked, d.*, v.name as vm_name,
              r.path as repository_path
            from verification_images i
            join backup_disks d on d.id = i.disk_backup_id
            join vms v on v.id = d.vm_id
            join repositories r on r.id = d.repository_id
            where i.verification_id = :id order by i.image_no\
            """)
        .param("id", id)
        .query((row, index) ->
            new VerifiedImage(
                row.getInt("image_no"),
                new DiskBackupId(row.getString("id")),
                new BackupId(row.getString("backup_id")),
                new VmId(row.getString("vm_id")),
                row.getString("vm_name"),
                row.getInt("disk_id"),
                new RepositoryId(row.getString("repository_id")),
                row.getString("repository_path"),
                Optional.ofNullable(row.getString("base_id")).map(DiskBackupId::new),
                ImageResult.valueOf(row.getString("result")),
                row.getLong("bytes_checked")))
        .list();
  }

  /** What was found, by image. */
  public List<FindingRow> findings(String id) {
    return jdbc.sql(
            """
            select * from verification_findings where verification_id = :id
            order by image_no, finding_no\
            """)
        .param("id", id)
        .query((row, index) -> finding(row))
        .list();
  }

  private static FindingRow finding(ResultSet row) throws SQLException {
    long offset = row.getLong("offset_bytes");
    Optional<ByteRange> range =
        row.wasNull()
            ? Optional.empty()
            : Optional.of(new ByteRange(offset, row.getLong("length_bytes")));
    return new FindingRow(
        row.getInt("image_no"),
        row.getString("kind"),
        range,
        ranges(row.getString("disk_ranges")),
        row.getString("found"),
        row.getString("expected"));
  }

  private static List<ByteRange> ranges(@Nullable String text) {
    List<ByteRange> ranges = new ArrayList<>();
    for (String range : text == null ? new String[0] : text.split(",")) {
      int plus = range.indexOf('+');
      ranges.add(
          new ByteRange(
              Long.parseLong(range.substring(0, plus)), Long.parseLong(range.substring(plus + 1))));
    }
    return ranges;
  }

  private static VerificationRow row(ResultSet row) throws SQLException {
    return new VerificationRow(
        TaskQueries.row(row),
        Optional.ofNullable(row.getString("backup_id")).map(BackupId::new),
        row.getBoolean("whole"),
        row.getInt("images"),
        row.getInt("checked"),
        row.getInt("damaged"));
  }
}
