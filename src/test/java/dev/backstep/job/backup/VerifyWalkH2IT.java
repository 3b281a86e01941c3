package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.backup.ImageMerge;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.Verifications;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskRuns;
import dev.backstep.job.verify.ImageWalks;
import dev.backstep.job.verify.VerifyConfiguration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RepositoryException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/** What becomes of images under the eyes of a verification. */
@Import({TaskParts.class, VerifyConfiguration.class})
class VerifyWalkH2IT extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries backupQueries;
  @Autowired Backups backups;
  @Autowired Verifications verifications;
  @Autowired VerificationQueries queries;
  @Autowired Proofs proofs;
  @Autowired RunningTasks running;
  @Autowired ProcessLease lease;
  @Autowired DataSource database;
  @Autowired JdbcClient jdbc;

  private DiskBackupId backUp() throws Exception {
    SimulatedDisk disk =
        (SimulatedDisk)
            machine.disks.computeIfAbsent(
                "a", key -> new SimulatedDisk(key, 3_000_000, new Random(5)));
    disk.write();
    var run =
        jobs.launch(
            SimulatedSource.definition(vm, folder.resolve("repository")), RequestedLevel.AUTO);
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    BackupRow row = backupQueries.backup(run.backup());
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    return row.disks().getFirst().id();
  }

  private String begun(DiskBackupId... images) {
    return verifications.begin("these", List.of(images), lease.token());
  }

  private DiskFolder images() throws Exception {
    return Repository.open(folder.resolve("repository")).disk(VmId.ofName(vm), 0);
  }

  private ImageWalks walk(String id, VerificationQueries asked) {
    return new ImageWalks(id, running, verifications, asked, backups, proofs);
  }

  private void assertResult(String id, ImageResult result) {
    assertThat(queries.images(id).getLast().result()).isEqualTo(result);
    assertThat(queries.findings(id, PageRequest.first(9)).items()).isEmpty();
  }

  /** The catalog's row goes first, and the files while a part of the image is being read. */
  @Test
  void imageThatIsDeletedWhileItIsReadIsNotDamaged() throws Exception {
    DiskBackupId image = backUp();
    String id = begun(image);
    AtomicInteger asked = new AtomicInteger(Integer.MIN_VALUE);
    VerificationQueries deleting =
        new VerificationQueries(
            new DelegatingDataSource(database) {
              @Override
              public Connection getConnection() throws SQLException {
                if (asked.incrementAndGet() == 2) {
                  delete(image);
                }
                return super.getConnection();
              }
            });
    try (AutoCloseable _ = TaskRuns.begin(running, id, lease.token())) {
      ImageWalks walk = walk(id, deleting);
      assertThat(walk.next()).as("its structure").isTrue();
      Files.delete(images().image(image));
      asked.set(0);

      assertThat(walk.next()).as("its data").isTrue();
      assertThat(walk.next()).isFalse();
    }

    assertResult(id, ImageResult.GONE);
  }

  private void delete(DiskBackupId image) {
    jdbc.sql(
            """
            update backup_disks set status = 'DELETED', change_id = null, image = null,
              lineage_no = null
            where id = :id\
            """)
        .param("id", image.value())
        .update();
  }

  /** As when the file system was unmounted while a part of the image was being read. */
  @Test
  void imageWhoseRepositoryGoesAwayWhileItIsReadIsNotDamaged() throws Exception {
    DiskBackupId image = backUp();
    String id = begun(image);
    try (AutoCloseable _ = TaskRuns.begin(running, id, lease.token())) {
      ImageWalks walk = walk(id, queries);
      walk.next();
      Path elsewhere = folder.resolve("elsewhere");
      Files.move(folder.resolve("repository"), elsewhere);

      assertThatThrownBy(walk::next).isInstanceOf(RepositoryException.class);

      Files.move(elsewhere, folder.resolve("repository"));
    }

    assertResult(id, ImageResult.PENDING);
  }

  /** Its table of references is of no use to a merge, which makes a new one. */
  @Test
  void whatWasWrongWithAnImageThatAMergeReplacedIsNotHeldAgainstTheNewOne() throws Exception {
    backUp();
    DiskBackupId image = backUp();
    DiskManifest.Replacement next;
    try (ImageMerge merge =
        ImageMerge.open(
            new ImageMerge.Request(images(), image, Optional.empty(), Compression.NONE, 1),
            Optional.empty())) {
      while (merge.put()) {}
      next = merge.finish(Instant.parse("2026-02-01T00:00:00Z"));
    }
    try (RandomAccessFile file = new RandomAccessFile(images().image(image).toFile(), "rw")) {
      file.seek(48); // refcount_table_offset
      file.seek(file.readLong());
      file.seek(file.readLong());
      file.writeShort(5);
    }
    String id = begun(image);
    try (AutoCloseable _ = TaskRuns.begin(running, id, lease.token())) {
      ImageWalks walk = walk(id, queries);
      walk.next();
      assertThat(queries.findings(id, PageRequest.first(9)).items()).isNotEmpty();
      ReplacementSteps.run(images(), image, next, ReplacementSteps.count(images(), image, next));

      while (walk.next()) {}
    }

    assertResult(id, ImageResult.CLEAN);
  }
}
