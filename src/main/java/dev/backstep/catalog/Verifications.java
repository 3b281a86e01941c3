package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.TaskKind;
import java.time.Clock;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The tables of verifications. Each method joins the surrounding transaction, else runs in one of
 * its own. Safe for use by several threads.
 */
public final class Verifications {

  private static final int FOUND_CHARS_MAX = 2000;

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Tasks tasks;
  private final Clock clock;

  public Verifications(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.tasks = tasks;
    this.clock = clock;
  }

  /**
   * Notes a verification that runs, and the images that it is about: those of a restore point with
   * all that they need, or all there are.
   *
   * @param whole whether data is to be checked, not only structure
   * @return its id
   */
  public String begin(Optional<BackupId> backup, boolean whole, long leaseToken) {
    return transactions.in(() -> {
      String subject = backup.map(BackupId::value).orElse("all images");
      String id = begin(subject, backup, whole, leaseToken);
      if (backup.isPresent()) {
        addChains(id, backup.get());
      } else {
        addAll(id);
      }
      countBytes(id);
      return id;
    });
  }

  /**
   * Notes a verification of certain images that runs, data included.
   *
   * @param images a backing image before those on it
   * @return its id
   */
  public String begin(String subject, List<DiskBackupId> images, long leaseToken) {
    return transactions.in(() -> {
      String id = begin(subject, Optional.empty(), true, leaseToken);
      int number = 0;
      for (DiskBackupId image : images) {
        number++;
        add(id, number, image.value());
      }
      countBytes(id);
      return id;
    });
  }

  private String begin(String subject, Optional<BackupId> backup, boolean whole, long leaseToken) {
    String id = tasks.begin(TaskKind.VERIFY, subject, "", leaseToken);
    jdbc.sql("insert into verifications (id, backup_id, whole) values (:id, :backup, :whole)")
        .param("id", id)
        .param("backup", backup.map(BackupId::value).orElse(null))
        .param("whole", whole)
        .update();
    return id;
  }

  private void countBytes(String id) {
    jdbc.sql(
            """
            update tasks set bytes_total = (select coalesce(sum(d.bytes_stored), 0)
              from verification_images i join backup_disks d on d.id = i.disk_backup_id
              where i.verification_id = :id) where id = :id\
            """)
        .param("id", id)
        .update();
  }

  private void add(String id, int number, String image) {
    jdbc.sql(
            """
            insert into verification_images (verification_id, image_no, disk_backup_id, result)
            values (:id, :number, :image, 'PENDING')\
            """)
        .param("id", id)
        .param("number", number)
        .param("image", image)
        .update();
  }

  /** Lineage numbers ascend along a chain, so a backing image comes first. */
  private void addAll(String id) {
    jdbc.sql(
            """
            insert into verification_images (verification_id, image_no, disk_backup_id, result)
            select :id, row_number() over
                (order by d.vm_id, d.disk_id, d.repository_id, d.lineage_no),
              d.id, 'PENDING'
            from backup_disks d where d.status = 'COMPLETED'\
            """)
        .param("id", id)
        .update();
  }

  private void addChains(String id, BackupId backup) {
    int number = 0;
    Set<String> seen = new HashSet<>();
    List<String> tops =
        jdbc.sql(
                """
                select id from backup_disks where backup_id = :backup and status = 'COMPLETED'
                order by disk_id\
                """)
            .param("backup", backup.value())
            .query((row, index) -> row.getString("id"))
            .list();
    for (String top : tops) {
      for (String image : chain(top)) {
        if (seen.add(image)) {
          number++;
          add(id, number, image);
        }
      }
    }
  }

  /** From the root up. */
  private List<String> chain(String top) {
    Set<String> chain = new LinkedHashSet<>();
    Optional<String> next = Optional.of(top);
    while (next.isPresent() && chain.add(next.get())) {
      next =
          jdbc.sql("select base_id from backup_disks where id = :id and base_id is not null")
              .param("id", next.get())
              .query((row, index) -> row.getString("base_id"))
              .optional();
    }
    return List.copyOf(chain).reversed();
  }

  /** Adds to what is found wrong with an image. */
  public void found(String id, FindingRow finding) {
    jdbc.sql(
            """
            insert into verification_findings
              (verification_id, image_no, finding_no, kind, offset_bytes, length_bytes,
               disk_ranges, found, expected)
            select :id, :image, coalesce(max(finding_no), 0) + 1, :kind, :offset, :length, :disk,
              :found, :expected
            from verification_findings where verification_id = :id and image_no = :image\
            """)
        .param("id", id)
        .param("image", finding.imageNumber())
        .param("kind", finding.kind())
        .param("offset", finding.range().map(ByteRange::offset).orElse(null))
        .param("length", finding.range().map(ByteRange::length).orElse(null))
        .param("disk", text(finding.disk()))
        .param("found", cut(finding.found()))
        .param("expected", cut(finding.expected()))
        .update();
  }

  /** Forgets what was found wrong with an image that was replaced by another one since. */
  public void forgetFindings(String id, int image) {
    jdbc.sql("delete from verification_findings where verification_id = :id and image_no = :image")
        .param("id", id)
        .param("image", image)
        .update();
  }

  private static @Nullable String text(List<ByteRange> ranges) {
    return ranges.isEmpty()
        ? null
        : ranges.stream()
            .map(range -> range.offset() + "+" + range.length())
            .collect(Collectors.joining(","));
  }

  private static String cut(String text) {
    return text.length() <= FOUND_CHARS_MAX ? text : text.substring(0, FOUND_CHARS_MAX) + "…";
  }

  /** Notes how much of an image's data is checked. */
  public void checked(String id, int image, long bytes) {
    jdbc.sql(
            """
            update verification_images set bytes_checked = :bytes
            where verification_id = :id and image_no = :image\
            """)
        .param("bytes", bytes)
        .param("id", id)
        .param("image", image)
        .update();
    jdbc.sql(
            """
            update tasks set bytes_done = (select coalesce(sum(i.bytes_checked), 0)
              from verification_images i where i.verification_id = :id) where id = :id\
            """)
        .param("id", id)
        .update();
  }

  /** Notes how the check of an image ended. */
  public void done(String id, int image, ImageResult result) {
    jdbc.sql(
            """
            update verification_images set result = :result, checked_at = :now
            where verification_id = :id and image_no = :image\
            """)
        .param("result", result.name())
        .param("now", UtcTime.of(clock.instant()))
        .param("id", id)
        .param("image", image)
        .update();
  }

  /** Notes that an image that was called damaged is whole, as is all that it needs. */
  public void whole(DiskBackupId image) {
    jdbc.sql("update backup_disks set damaged = :damaged where id = :id and damaged <> :damaged")
        .param("damaged", false)
        .param("id", image.value())
        .update();
  }
}
