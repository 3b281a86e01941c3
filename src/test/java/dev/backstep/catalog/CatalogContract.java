package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.REPOSITORY;
import static dev.backstep.catalog.TestCatalog.newBackup;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.dao.DuplicateKeyException;

/** What the catalog promises of backups and their change ids, on any database. */
abstract class CatalogContract extends CatalogTest {

  // Beginning and ending

  @Test
  void namesBackupsByVmAndTime() throws Exception {
    BackupId first = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(first, lease, 7);
    catalog.backups.ended(first, lease, Status.FAILED, Optional.empty());

    BackupId second = catalog.begin(vm, lease);

    assertThat(first.value()).isEqualTo("backup-" + vm + "-20260304-050607");
    assertThat(disk.value()).isEqualTo("backup-" + vm + "-disk7-20260304-050607");
    assertThat(second.value()).isEqualTo(first + "-2");
  }

  @Test
  void skipsDiskBackupIdsThatAreTakenInTheRepository() {
    BackupId backup = catalog.begin(vm, lease);

    DiskBackupId id =
        catalog.backups.addDisk(
            backup, 0, new DiskKey("vda"), 1, name -> !name.value().endsWith("-3"));

    assertThat(id.value()).isEqualTo("backup-" + vm + "-disk0-20260304-050607-3");
  }

  @Test
  void exactlyOneOfEightThreadsBeginsABackup() throws Exception {
    for (int round = 0; round < 10; round++) {
      List<Object> outcomes = atOnce(8, thread -> beginOrBusy());

      List<Object> begun = outcomes.stream().filter(BackupId.class::isInstance).toList();
      assertThat(begun).hasSize(1);
      assertThat(outcomes)
          .filteredOn(VmBusyException.class::isInstance)
          .hasSize(7)
          .allSatisfy(busy -> {
            assertThat(((VmBusyException) busy).running()).isEqualTo(begun.getFirst());
            assertThat((VmBusyException) busy).hasMessageContaining(begun.getFirst() + ";");
          });
      catalog.backups.ended((BackupId) begun.getFirst(), lease, Status.FAILED, Optional.empty());
    }
  }

  @Test
  void databaseItselfRefusesTwoRunningBackupsOfAVm() {
    BackupId running = catalog.begin(vm, lease);
    catalog.backups.ended(running, lease, Status.FAILED, Optional.empty());
    catalog.begin(vm, lease);

    assertThatThrownBy(() ->
            catalog
                .jdbc
                .sql("update backups set active_vm_id = vm_id where id = :id")
                .param("id", running.value())
                .update())
        .isInstanceOf(DuplicateKeyException.class);
  }

  @Test
  void databaseItselfRefusesTwoRowsOfADisk() throws Exception {
    BackupId backup = catalog.begin(vm, lease);
    catalog.backups.addDisk(backup, 0, new DiskKey("key-0"), 1000, taken -> false);
    catalog.backups.addDisk(backup, 1, new DiskKey("key-1"), 1000, taken -> false);

    assertThatThrownBy(() ->
            catalog
                .jdbc
                .sql("update backup_disks set disk_id = 0 where backup_id = :id and disk_id = 1")
                .param("id", backup.value())
                .update())
        .isInstanceOf(DuplicateKeyException.class);
  }

  @Test
  void refusesABackupOfAnUnknownVm() {
    assertThatThrownBy(() -> catalog.begin(new VmId("stranger"), lease))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("stranger");
  }

  @Test
  void keepsTheFirstErrorUntilCompleted() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.backups.failDisk(disk, lease, "disk broke");
    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("first"));
    catalog.backups.resume(id, lease);
    catalog.backups.ended(id, lease, Status.STOPPED, Optional.of("second"));
    assertThat(catalog.queries.backup(id).error()).contains("first");
    assertThat(catalog.queries.backup(id).presentError()).contains("first");
    assertThat(catalog.queries.disk(id, 0).error()).contains("disk broke");

    catalog.backups.resume(id, lease);
    assertThat(catalog.queries.backup(id).presentError()).as("of the run before").isEmpty();
    assertThat(catalog.queries.backup(id).earlierError()).contains("first");
    catalog.backups.continued(disk, lease);
    catalog.complete(disk, lease, "c1");
    catalog.backups.sealed(id, lease, clock.instant(), Optional.empty());

    BackupRow row = catalog.queries.backup(id);
    assertThat(row.status()).isEqualTo(Status.COMPLETED);
    assertThat(row.error()).isEmpty();
    assertThat(row.completedAt()).contains(START);
    assertThat(row.disks().getFirst().error()).isEmpty();
  }

  @Test
  void endingNeverTouchesACompletedBackup() throws Exception {
    BackupId id = completed("c1");

    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("too late"));

    assertThat(catalog.queries.backup(id).status()).isEqualTo(Status.COMPLETED);
    assertThat(catalog.queries.backup(id).error()).isEmpty();
    assertThatThrownBy(() -> catalog.backups.resume(id, lease))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("COMPLETED");
  }

  @Test
  void endingGivesOnlyUnfinishedDisksItsStatus() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    catalog.complete(catalog.disk(id, lease, 0), lease, "c1");
    DiskBackupId second = catalog.disk(id, lease, 1);
    catalog.backups.progress(second, lease, 30, 20, 10);

    catalog.backups.ended(id, lease, Status.STOPPED, Optional.empty());

    assertThat(catalog.queries.backup(id).disks())
        .extracting(BackupDiskRow::status)
        .containsExactly(Status.COMPLETED, Status.STOPPED);
    catalog.backups.resume(id, catalog.lease());
    BackupDiskRow kept = catalog.queries.disk(id, 1);
    assertThat(kept.status()).isEqualTo(Status.PENDING);
    assertThat(kept.bytesRead()).isEqualTo(30);
  }

  @Test
  void doesNotSealWithoutDisksOrWithAnUnfinishedOne() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    assertThatThrownBy(() -> catalog.backups.sealed(id, lease, START, Optional.empty()))
        .isInstanceOf(IllegalStateException.class);

    catalog.complete(catalog.disk(id, lease, 0), lease, "c1");
    catalog.disk(id, lease, 1);

    assertThatThrownBy(() -> catalog.backups.sealed(id, lease, START, Optional.empty()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("RUNNING");
    assertThat(catalog.queries.backup(id).status()).isEqualTo(Status.RUNNING);
  }

  @Test
  void resumedBackupCountsAsTheVmsRunningOne() {
    BackupId first = catalog.begin(vm, lease);
    catalog.backups.ended(first, lease, Status.STOPPED, Optional.empty());
    BackupId second = catalog.begin(vm, lease);

    assertThatThrownBy(() -> catalog.backups.resume(first, lease))
        .isInstanceOf(VmBusyException.class)
        .hasMessageContaining(second.value());
  }

  // Change ids

  @Test
  void changeIdIsInvisibleBeforeCommit() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);

    List<Optional<ChangeId>> seen = new ArrayList<>();
    catalog.transaction.executeWithoutResult(status -> {
      unchecked(() -> catalog.complete(disk, lease, "c1"));
      seen.add(elsewhere(() -> catalog.queries.disk(id, 0).changeId()));
      seen.add(elsewhere(() -> viewChangeId(disk)));
      assertThat(elsewhere(() -> catalog.queries.baseline(REPOSITORY, vm, 0))).isEmpty();
    });

    assertThat(seen).containsOnly(Optional.empty());
    assertThat(catalog.queries.disk(id, 0).changeId()).contains(new ChangeId("c1"));
    assertThat(viewChangeId(disk)).contains(new ChangeId("c1"));
  }

  @Test
  void changeIdIsGoneAfterRollback() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);

    catalog.transaction.executeWithoutResult(status -> {
      unchecked(() -> catalog.complete(disk, lease, "c1"));
      status.setRollbackOnly();
    });

    BackupDiskRow row = catalog.queries.disk(id, 0);
    assertThat(row.status()).isEqualTo(Status.RUNNING);
    assertThat(row.changeId()).isEmpty();
    assertThat(row.image()).isEmpty();
    assertThat(row.lineageNo()).isEmpty();
    assertThat(catalog.queries.changeId(vmName, 0, Optional.of(REPOSITORY))).isEmpty();
  }

  @Test
  void completesOnceAndOnlyWithOneChangeId() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.complete(disk, lease, "c1");
    BackupDiskRow before = catalog.queries.disk(id, 0);

    clock.advance(Duration.ofSeconds(9));
    catalog.complete(disk, lease, "c1");

    assertThat(catalog.queries.disk(id, 0)).isEqualTo(before);
    assertThatThrownBy(() -> catalog.complete(disk, lease, "c2"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("'c1'")
        .hasMessageContaining("'c2'");
    assertThat(catalog.queries.disk(id, 0)).isEqualTo(before);
  }

  @Test
  void completesOnlyARunningDisk() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.backups.addDisk(id, 0, new DiskKey("vda"), 1000, taken -> false);

    assertThatThrownBy(() -> catalog.complete(disk, lease, "c1"))
        .isInstanceOf(FencedException.class);

    assertThat(catalog.queries.disk(id, 0).status()).isEqualTo(Status.PENDING);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "52 66 de 6b fd 7d/5490",
        "it's \"quoted\" \\ back\\slash; drop table backups; --",
        " leading and trailing ",
        ":named ? {0} %s",
        "Ünïcödé 日本語 🙂",
        "\t\n\u0001"
      })
  void oddChangeIdsSurvive(String text) throws Exception {
    BackupId id = completed(text);

    assertThat(catalog.queries.disk(id, 0).changeId()).contains(new ChangeId(text));
    assertThat(catalog.queries.baseline(REPOSITORY, vm, 0).orElseThrow().changeId())
        .contains(new ChangeId(text));
    assertThat(viewChangeId(catalog.queries.disk(id, 0).id())).contains(new ChangeId(text));
  }

  @Test
  void longestChangeIdSurvives() throws Exception {
    String text = "é".repeat(ChangeId.LENGTH_MAX);

    completed(text);

    assertThat(catalog.queries.changeId(vmName, 0, Optional.empty()).orElseThrow().changeId())
        .contains(new ChangeId(text));
  }

  @Test
  void diskWithoutChangeTrackingCompletesWithoutChangeId() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);

    catalog.backups.completeDisk(
        disk, lease, Optional.empty(), "x.qcow2", 1, 1, 1, Optional.empty());

    StoredChangeId stored = catalog.queries.changeId(vmName, 0, Optional.empty()).orElseThrow();
    assertThat(stored).isEqualTo(new StoredChangeId(Optional.empty(), disk));
  }

  @Test
  void baselineGivesImageAndChangeIdOfOneRow() throws Exception {
    BackupId first = completed("c1");
    BackupId second = completed("c2");
    BackupId running = catalog.begin(vm, lease);
    catalog.disk(running, lease, 0);

    Baseline baseline = catalog.queries.baseline(REPOSITORY, vm, 0).orElseThrow();

    assertThat(first).isNotEqualTo(second);
    assertThat(baseline)
        .isEqualTo(
            new Baseline(
                catalog.queries.disk(second, 0).id(),
                Optional.of(new ChangeId("c2")),
                1000,
                1,
                0,
                clock.instant(),
                false));
    assertThat(catalog.queries.anyCompletedBefore(REPOSITORY, vm, running)).isTrue();
    assertThat(catalog.queries.baseline(REPOSITORY, vm, 1)).isEmpty();
  }

  @Test
  void baselineFollowsTheOrderOfCompletionWhateverTheClockSays() throws Exception {
    completed("c1");
    clock.advance(Duration.ofDays(-30));
    BackupId second = completed("c2");

    assertThat(catalog.queries.baseline(REPOSITORY, vm, 0).orElseThrow().image())
        .isEqualTo(catalog.queries.disk(second, 0).id());
    assertThat(
            catalog.queries.changeId(vmName, 0, Optional.of(REPOSITORY)).orElseThrow().changeId())
        .contains(new ChangeId("c2"));
  }

  @Test
  void repositoriesDoNotShareBaselines() throws Exception {
    completed("c1");
    RepositoryId other = new RepositoryId("other");
    catalog.repositories.register(other, "/other");

    assertThat(catalog.queries.baseline(other, vm, 0)).isEmpty();
    assertThat(catalog.queries.changeId(vmName, 0, Optional.of(other))).isEmpty();
    assertThat(catalog.queries.anyCompletedBefore(other, vm, new BackupId("none"))).isFalse();
  }

  @Test
  void damageReachesEveryImageThatStandsOnIt() throws Exception {
    DiskBackupId root = catalog.queries.disk(completed("c1"), 0).id();
    BackupId second = catalog.begin(vm, lease);
    DiskBackupId overlay =
        catalog.backups.addDisk(second, 0, new DiskKey("key-0"), 1000, taken -> false);
    catalog.backups.planned(
        overlay,
        lease,
        new Backups.Plan(
            Reason.CHANGED_EXTENTS,
            "",
            Optional.of(new ChangeId("c1")),
            Optional.of(root),
            2,
            1000,
            10));
    catalog.complete(overlay, lease, "c2");

    catalog.backups.damaged(root);

    assertThat(catalog.queries.baseline(REPOSITORY, vm, 0))
        .hasValueSatisfying(baseline -> {
          assertThat(baseline.image()).isEqualTo(overlay);
          assertThat(baseline.damaged()).isTrue();
        });
  }

  @Test
  void twoDisksCompletedAtOnceKeepTheirOwnChangeIds() throws Exception {
    for (int round = 1; round <= 200; round++) {
      BackupId id = catalog.begin(vm, lease);
      List<DiskBackupId> disks = List.of(catalog.disk(id, lease, 0), catalog.disk(id, lease, 1));
      int number = round;

      List<Object> outcomes =
          atOnce(
              2,
              thread -> {
                catalog.complete(disks.get(thread), lease, "r" + number + "-disk" + thread);
                return "done";
              });
      assertThat(outcomes).containsOnly("done");
      catalog.backups.sealed(id, lease, clock.instant(), Optional.empty());

      for (int disk = 0; disk < 2; disk++) {
        BackupDiskRow row = catalog.queries.disk(id, disk);
        assertThat(row.changeId()).contains(new ChangeId("r" + round + "-disk" + disk));
        assertThat(row.lineageNo()).hasValue(round);
      }
    }
  }

  private Object beginOrBusy() {
    try {
      return catalog.backups.begin(newBackup(vm, lease));
    } catch (VmBusyException e) {
      return e;
    }
  }

  private Optional<ChangeId> viewChangeId(DiskBackupId id) {
    return catalog
        .jdbc
        .sql("select change_id from backup_jobs where id = :id")
        .param("id", id.value())
        .query((row, index) -> Optional.ofNullable(row.getString(1)).map(ChangeId::new))
        .single();
  }
}
