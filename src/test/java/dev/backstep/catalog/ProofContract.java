package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Level;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Proven;
import dev.backstep.domain.Reason;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What of images and restore points is proven, on any database. */
abstract class ProofContract extends VerificationTest {

  @Test
  void ledgerTellsWhatWasProvenWhenAndByWhom() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    proofs.proven(full.get(0), Proof.DATA, 7);
    clock.advance(Duration.ofMinutes(1));
    proofs.proven(full.get(0), Proof.DATA, 8);
    proofs.proven(full.get(0), Proof.RESTORED, 9);

    BackupRow backup = proven(full);

    assertThat(backup.disks().get(0).ledger().find(Proof.DATA)).contains(at(8));
    assertThat(backup.disks().get(1).ledger().find(Proof.DATA)).isEmpty();
    assertThat(backup.ledger().proofs()).containsOnlyKeys(Proof.WRITTEN, Proof.CHECKSUMMED);
    assertThat(backup.ledger().strongest()).contains(Proof.CHECKSUMMED);
    assertThat(backup.ledger().find(Proof.WRITTEN).orElseThrow().at())
        .isEqualTo(backup.disks().get(0).completedAt().orElseThrow());
    proofs.proven(full.get(1), Proof.RESTORED, 10);
    assertThat(proven(full).ledger().find(Proof.RESTORED)).contains(at(9));
    catalog.backups.damaged(full.get(0));
    new Removals(catalog.dataSource, clock).begin(backup.id());
    assertThat(proven(full).ledger()).as("a deleted one's").isEqualTo(Ledger.EMPTY);
  }

  @Test
  void chainIsAsWellProvenAsTheLeastProvenImageOfIt() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    List<DiskBackupId> middle = completed("a", full);
    List<DiskBackupId> top = completed("a", middle);
    proofs.proven(full.get(0), Proof.STRUCTURE, 1);
    proofs.proven(full.get(0), Proof.DATA, 1);
    Proven oldest = at(1);
    clock.advance(Duration.ofDays(1));
    for (DiskBackupId image : List.of(middle.get(0), top.get(0))) {
      proofs.proven(image, Proof.DATA, 2);
    }
    proofs.proven(top.get(0), Proof.STRUCTURE, 2);
    proofs.proven(top.get(0), Proof.BOOTED, 3);

    Ledger ledger = proven(top).disks().get(0).ledger();

    assertThat(ledger.find(Proof.DATA)).as("as old as the oldest").contains(oldest);
    assertThat(ledger.find(Proof.STRUCTURE)).as("not of the middle one").isEmpty();
    assertThat(ledger.find(Proof.BOOTED)).as("of the whole as it is").contains(at(3));
    List<BackupRow> all = ledgers.in(catalog.queries.list(Optional.empty(), 10));
    assertThat(all)
        .extracting(row -> row.disks().get(0).ledger().find(Proof.DATA).isPresent())
        .containsExactly(true, true, true);
    assertThat(all).extracting(BackupRow::ledger).noneMatch(one -> one.equals(Ledger.EMPTY));
  }

  @Test
  void retentionChoosesAmongRestorePointsWithTheirImagesAndProofs() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    List<DiskBackupId> overlay = completed("a", full);
    completed("b", List.of());
    BackupId running = catalog.begin(new VmId("a"), lease);
    proofs.proven(full.get(0), Proof.STRUCTURE, 7);
    proofs.proven(full.get(0), Proof.DATA, 7);
    KeptPoints points = new KeptPoints(catalog.dataSource, clock);
    points.pin(backupOf(full.get(0)));
    points.pin(backupOf(full.get(0)));

    assertThat(points.points(TestCatalog.REPOSITORY, new VmId("a")))
        .extracting(KeptPoints.Point::id, KeptPoints.Point::pinned)
        .containsExactly(tuple(backupOf(overlay.get(0)), false), tuple(backupOf(full.get(0)), true))
        .as("the one that runs is none")
        .doesNotContain(tuple(running, false));
    assertThat(points.images(TestCatalog.REPOSITORY, new VmId("a")))
        .extracting(KeptPoints.Image::id, KeptPoints.Image::base, KeptPoints.Image::proven)
        .containsExactlyInAnyOrder(
            tuple(full.get(0), Optional.empty(), true),
            tuple(full.get(1), Optional.empty(), false),
            tuple(overlay.get(0), Optional.of(full.get(0)), false),
            tuple(overlay.get(1), Optional.of(full.get(1)), false));
    catalog.backups.damaged(full.get(0));
    assertThat(points.images(TestCatalog.REPOSITORY, new VmId("a")))
        .as("found damaged since")
        .noneMatch(KeptPoints.Image::proven);
    points.unpin(backupOf(full.get(0)));
    assertThat(points.isPinned(backupOf(full.get(0)))).isFalse();
  }

  @Test
  void importedImagesTakeTheirPlaceInTheLineage() throws Exception {
    List<DiskBackupId> known = completed("a", List.of());
    Imports imports = new Imports(catalog.dataSource, clock);
    VmId vm = new VmId("a");
    List<DiskBackupId> older = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      // The second one's clock was wrong by an hour: it stands on the first all the same.
      Instant at = clock.instant().minusSeconds(10_000 + (i == 1 ? 3600 : -i));
      older.add(new DiskBackupId("old-" + i));
      ImportedImage image =
          new ImportedImage(
              older.get(i),
              new BackupId("backup-old-" + i),
              0,
              new DiskKey("k0"),
              i == 0 ? Level.FULL : Level.INCREMENTAL,
              i == 0 ? Reason.NO_BASELINE : Reason.CHANGED_EXTENTS,
              "",
              Optional.of(new ChangeId("c" + i)),
              Optional.empty(),
              i == 0 ? Optional.empty() : Optional.of(older.get(i - 1)),
              i + 1,
              1000,
              10,
              500,
              "old-" + i + ".qcow2",
              at,
              at,
              i == 0 ? Optional.of("crc32c") : Optional.empty());
      assertThat(imports.knows(image.id().value())).isFalse();
      imports.disk(vm, 0, new DiskKey("k0"));
      imports.insert(
          new Imports.Backup(
              image.backup(),
              vm,
              TestCatalog.REPOSITORY,
              "",
              at,
              Optional.of(at),
              Optional.empty()),
          List.of(image));
      imports.number(TestCatalog.REPOSITORY, vm, 0);
    }

    assertThat(new KeptPoints(catalog.dataSource, clock).images(TestCatalog.REPOSITORY, vm))
        .extracting(KeptPoints.Image::id)
        .containsSubsequence(older.get(0), older.get(1), older.get(2), known.get(0));
    assertThat(catalog.queries.baseline(TestCatalog.REPOSITORY, vm, 0).orElseThrow().image())
        .isEqualTo(known.get(0));
    assertThat(imports.knows("old-1")).isTrue();
    assertThat(proven(older.subList(0, 1)).ledger().strongest()).contains(Proof.CHECKSUMMED);
    assertThat(proven(older.subList(1, 2)).ledger().strongest()).contains(Proof.WRITTEN);
    assertThatThrownBy(() -> imports.disk(vm, 0, new DiskKey("other")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("k0");
    assertThatThrownBy(() -> imports.disk(vm, 7, new DiskKey("k0")))
        .isInstanceOf(IllegalStateException.class);
  }

  private Proven at(long execution) {
    return new Proven(clock.instant().truncatedTo(ChronoUnit.MILLIS), OptionalLong.of(execution));
  }
}
