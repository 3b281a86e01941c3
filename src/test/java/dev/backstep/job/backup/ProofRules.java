package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Proof;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.TaskJobs;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What counts as proven while chains are shortened and points dropped; on each database. */
abstract class ProofRules extends MergeTest {

  @Autowired Proofs proofs;
  @Autowired Tasks tasks;
  @Autowired TaskJobs taskJobs;
  @Autowired ProcessLease lease;
  @Autowired JdbcClient jdbc;

  private void prove(BackupRow row) {
    for (BackupDiskRow disk : row.disks()) {
      proofs.proven(disk.id(), Proof.STRUCTURE, 1);
      proofs.proven(disk.id(), Proof.DATA, 1);
    }
  }

  private boolean isProven(BackupRow row) {
    return points.images(row.repositoryId(), row.vmId()).stream()
        .filter(image -> image.backup().equals(row.id()))
        .allMatch(KeptPoints.Image::proven);
  }

  /** The newest proven point must not become one that is not. */
  @Test
  void whatWasProvenStaysSoAndNothingElseBecomesIt() throws Exception {
    BackupRow first = complete();
    BackupRow second = complete();
    BackupRow third = complete();
    prove(first);
    prove(second);

    merge(2, true);

    restorable(second);
    restorable(third);
    assertThat(isProven(second)).isTrue();
    assertThat(isProven(third)).isFalse();
    prove(third);
    BackupRow fourth = complete();
    merge(1, false);
    assertThat(isProven(fourth)).isFalse();
    restorable(fourth);
  }

  /** As a process leaves it that dies between the files and the catalog. */
  @Test
  void switchedImageStaysProvenWhereItIsWhatWasWritten() throws Exception {
    for (boolean right : List.of(true, false)) {
      BackupRow first = complete(RequestedLevel.FULL);
      BackupRow second = complete();
      prove(first);
      prove(second);
      BackupDiskRow disk = second.disks().getFirst();
      DiskFolder images = images(second, disk);
      DiskManifest.Replacement next = merged(images, disk.id(), Optional.empty());
      ReplacementSteps.run(
          images, disk.id(), next, ReplacementSteps.count(images, disk.id(), next));
      if (!right) {
        byte[] bytes = Files.readAllBytes(images.image(disk.id()));
        bytes[bytes.length / 2] ^= 1;
        Files.write(images.image(disk.id()), bytes);
      }

      merge(1, false);

      assertThat(isProven(second)).isEqualTo(right);
      assertThat(queries.backup(first.id()).status())
          .as("it is the newest proven one now, where the other is not")
          .isEqualTo(right ? Status.DELETED : Status.COMPLETED);
    }
  }

  /** Its newest proof may be gone by the time that a plan is carried out. */
  @Test
  void newestProvenPointOutlivesPlanOfBefore() throws Exception {
    BackupRow first = complete(RequestedLevel.FULL);
    BackupRow second = complete(RequestedLevel.FULL);
    BackupRow third = complete(RequestedLevel.FULL);
    prove(first);
    prove(second);
    String plan = first.id() + "\n" + second.id();
    jdbc.sql("update backup_disks set damaged = true where backup_id = :id")
        .param("id", second.id().value())
        .update();

    ended(taskJobs.launch(tasks.begin(TaskKind.PRUNE, vm, plan, lease.token())));

    assertThat(queries.backup(second.id()).status()).isEqualTo(Status.DELETED);
    restorable(first);
    restorable(third);
    prove(third);
    ended(taskJobs.launch(tasks.begin(TaskKind.PRUNE, vm, plan, lease.token())));
    assertThat(queries.backup(first.id()).status()).isEqualTo(Status.DELETED);
  }
}
