package dev.backstep.catalog;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Proof;
import java.time.Clock;
import java.time.Instant;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * The ledger of images: when each last passed which proof, and which execution proved it. Joins the
 * surrounding transaction. Safe for use by several threads.
 */
public final class Proofs {

  private final JdbcClient jdbc;
  private final Clock clock;

  public Proofs(DataSource dataSource, Clock clock) {
    this(JdbcClient.create(dataSource), clock);
  }

  Proofs(JdbcClient jdbc, Clock clock) {
    this.jdbc = jdbc;
    this.clock = clock;
  }

  /** Enters a proof that an image has passed now. */
  public void proven(DiskBackupId image, Proof proof, long executionId) {
    enter(image, proof, clock.instant(), executionId);
  }

  /**
   * @param executionId null when no execution of this catalog did it
   */
  void enter(DiskBackupId image, Proof proof, Instant at, @Nullable Long executionId) {
    String set = "proven_at = :at, execution_id = :execution";
    int updated =
        statement(
            "update image_proofs set " + set + " where disk_backup_id = :image and proof = :proof",
            image,
            proof,
            at,
            executionId);
    if (updated == 0) {
      statement(
          """
          insert into image_proofs (disk_backup_id, proof, proven_at, execution_id)
          values (:image, :proof, :at, :execution)\
          """,
          image,
          proof,
          at,
          executionId);
    }
  }

  private int statement(
      String sql, DiskBackupId image, Proof proof, Instant at, @Nullable Long executionId) {
    return jdbc.sql(sql)
        .param("at", UtcTime.of(at))
        .param("execution", executionId)
        .param("image", image.value())
        .param("proof", proof.name())
        .update();
  }

  /** Forgets the images of a backup. */
  static void forget(JdbcClient jdbc, String backup) {
    jdbc.sql(
            """
            delete from image_proofs where disk_backup_id in (
              select id from backup_disks where backup_id = :backup)\
            """)
        .param("backup", backup)
        .update();
  }
}
