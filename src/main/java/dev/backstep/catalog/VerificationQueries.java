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

  private static final String IMAGE_COLUMNS =
      """
      select i.image_no, i.result, i.bytes_checked, d.*, v.name as vm_name,
        r.path as repository_path\
      """;

  private static final String IMAGE_TABLES =
      """
      from %s i
      join backup_disks d on d.id = i.disk_backup_id
      join vms v on v.id = d.vm_id
      join repositories r on r.id = d.repository_id
      """;

  private static final String IMAGES_FROM = IMAGE_COLUMNS + "\n" + IMAGE_TABLES;
  private static final String IMAGES = IMAGES_FROM.formatted("verification_images");

  /** Cut before anything is joined: MariaDB may else join all images of a large one first. */
  private static final String PAGE_OF_IMAGES =
      """
      (select * from verification_images where verification_id = :id and image_no > :after
        order by image_no limit :limit)\
      """;

  private static final String FINDINGS =
      IMAGE_COLUMNS
          + """
          , f.finding_no, f.kind as finding_kind, f.offset_bytes, f.length_bytes, f.disk_ranges,
          f.found, f.expected
          """
          + IMAGE_TABLES.formatted("verification_images")
          + """
          join verification_findings f
            on f.verification_id = i.verification_id and f.image_no = i.image_no
          """;

  private final JdbcClient jdbc;
  private final String verifications;

  public VerificationQueries(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
    this.verifications = verifications(IndexOrder.of(dataSource));
  }

  /** How many images one has is the number of its last one: none is read but those not clean. */
  private static String verifications(IndexOrder order) {
    return """
    select t.*, v.backup_id, v.whole,
      coalesce((select i.image_no from verification_images i where i.verification_id = v.id
        %s limit 1), 0) as images,
      (select count(*)
        from verification_images i use index (verification_images_by_result)
        where i.verification_id = v.id and i.result = 'PENDING') as pending,
      (select count(*)
        from verification_images i use index (verification_images_by_result)
        where i.verification_id = v.id and i.result = 'DAMAGED') as damaged
    from verifications v join tasks t on t.id = v.id
    """
        .formatted(order.down("i.verification_id", "i.image_no"));
  }

  public Optional<VerificationRow> find(String id) {
    return jdbc.sql(verifications + "where v.id = :id")
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
        jdbc.sql(verifications + where + "order by t.created_at desc, t.id desc limit :limit")
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

  /** All images of one, in the order of checking. */
  public List<VerifiedImage> images(String id) {
    return jdbc.sql(IMAGES + "where i.verification_id = :id order by i.image_no")
        .param("id", id)
        .query((row, index) -> image(row))
        .list();
  }

  /**
   * The images of one, in the order of checking.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<VerifiedImage> images(String id, PageRequest request) {
    List<VerifiedImage> rows =
        jdbc.sql(IMAGES_FROM.formatted(PAGE_OF_IMAGES) + "order by i.image_no")
            .param("id", id)
            .param("after", Cursor.of(request).map(Cursor::number).orElse(-1L))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> image(row))
            .list();
    return Cursor.page(rows, request, image -> new Cursor(image.number(), ""));
  }

  /**
   * What was found, by image.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<ImageFinding> findings(String id, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<ImageFinding> rows =
        jdbc.sql(
                FINDINGS
                    + """
                    where f.verification_id = :id
                      and (f.image_no > :image or (f.image_no = :image and f.finding_no > :number))
                    order by f.image_no, f.finding_no limit :limit\
                    """)
            .param("id", id)
            .param("image", after.map(Cursor::number).orElse(-1L))
            .param("number", after.map(cursor -> number(cursor.text())).orElse(-1))
            .param("limit", Cursor.rows(request))
            .query((row, index) ->
                new ImageFinding(image(row), row.getInt("finding_no"), finding(row)))
            .list();
    return Cursor.page(
        rows, request, row -> new Cursor(row.image().number(), String.valueOf(row.number())));
  }

  private static int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw Cursor.unknown(text, e);
    }
  }

  private static VerifiedImage image(ResultSet row) throws SQLException {
    return new VerifiedImage(
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
        row.getLong("bytes_checked"));
  }

  private static FindingRow finding(ResultSet row) throws SQLException {
    long offset = row.getLong("offset_bytes");
    Optional<ByteRange> range =
        row.wasNull()
            ? Optional.empty()
            : Optional.of(new ByteRange(offset, row.getLong("length_bytes")));
    return new FindingRow(
        row.getInt("image_no"),
        row.getString("finding_kind"),
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
        row.getInt("images") - row.getInt("pending"),
        row.getInt("damaged"));
  }
}
