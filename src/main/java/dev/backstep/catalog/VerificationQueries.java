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

  /** Rows with an image each, cut before anything is joined: a large verification has many. */
  private static final String WITH_IMAGES =
      """
      select p.*, d.id, d.backup_id, d.vm_id, d.disk_id, d.repository_id, d.base_id,
        v.name as vm_name, r.path as repository_path
      from (%s) p
      join backup_disks d on d.id = p.disk_backup_id
      join vms v on v.id = d.vm_id
      join repositories r on r.id = d.repository_id
      order by p.image_no\
      """;

  private static final String IMAGES =
      WITH_IMAGES.formatted("select * from verification_images where verification_id = :id");

  private final JdbcClient jdbc;
  private final String verifications;
  private final String pageOfImages;
  private final String pageOfFindings;

  public VerificationQueries(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
    IndexOrder order = IndexOrder.of(dataSource);
    this.verifications = verifications(order);
    this.pageOfImages = pageOfImages(order);
    this.pageOfFindings = pageOfFindings(order);
  }

  private static String pageOfImages(IndexOrder order) {
    return WITH_IMAGES.formatted(
        """
        select * from verification_images where verification_id = :id and image_no > :after
        %s limit :limit\
        """
            .formatted(order.up("verification_id", "image_no")));
  }

  private static String pageOfFindings(IndexOrder order) {
    return WITH_IMAGES.formatted(
            """
            select i.*, f.finding_no, f.kind, f.offset_bytes, f.length_bytes, f.disk_ranges,
              f.found, f.expected
            from (select * from verification_findings
              where verification_id = :id and image_no >= :image
                and (image_no > :image or finding_no > :number)
              %s limit :limit) f
            join verification_images i
              on i.verification_id = f.verification_id and i.image_no = f.image_no\
            """
                .formatted(order.up("verification_id", "image_no, finding_no")))
        + ", p.finding_no";
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
    return jdbc.sql(IMAGES).param("id", id).query((row, index) -> image(row)).list();
  }

  /**
   * The images of one, in the order of checking.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<VerifiedImage> images(String id, PageRequest request) {
    List<VerifiedImage> rows =
        jdbc.sql(pageOfImages)
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
        jdbc.sql(pageOfFindings)
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
        row.getInt("images") - row.getInt("pending"),
        row.getInt("damaged"));
  }
}
