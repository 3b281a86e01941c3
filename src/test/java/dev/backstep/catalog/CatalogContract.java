package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.REPOSITORY;
import static dev.backstep.catalog.TestCatalog.newBackup;
import static dev.backstep.catalog.TestCatalog.plan;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import liquibase.Scope;
import liquibase.changelog.FastCheckService;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.transaction.UnexpectedRollbackException;

/** What the catalog promises on any database. Each test has a VM of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class CatalogContract {

  private static final Instant START = Instant.parse("2026-03-04T05:06:07.891Z");
  private static final Duration LEASE = Duration.ofMinutes(5);
  private static final AtomicInteger MACHINES = new AtomicInteger();

  private final MovableClock clock = new MovableClock(START);
  private TestCatalog catalog;
  private VmId vm = new VmId("none");
  private String vmName = "";
  private long lease;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeAll
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @BeforeEach
  void newVm() {
    clock.set(START);
    int number = MACHINES.incrementAndGet();
    vm = new VmId("vm" + number);
    vmName = "machine " + number;
    catalog.machines.register(vm, vmName);
    lease = catalog.lease();
  }

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
    assertThat(catalog.queries.disk(id, 0).error()).contains("disk broke");

    catalog.backups.resume(id, lease);
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

    catalog.backups.completeDisk(disk, lease, Optional.empty(), "x.qcow2", 1, 1, 1);

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

  // Leases

  @Test
  void refusesCompletionAfterTheLeaseEnded() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.leases.check(lease, id);
    endLease(lease);

    assertThatThrownBy(() -> catalog.complete(disk, lease, "c1"))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.leases.check(lease, id)).isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.leases.renew(lease, LEASE))
        .isInstanceOf(FencedException.class);
    assertThat(catalog.queries.disk(id, 0).changeId()).isEmpty();
    assertThat(catalog.queries.ownerAlive(id)).isFalse();
  }

  @Test
  void refusesTheFormerOwnerAfterATakeover() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.complete(catalog.disk(id, lease, 1), lease, "c1");
    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("owner slept"));
    long other = catalog.lease();
    catalog.backups.resume(id, other);
    catalog.backups.continued(disk, other);

    assertThatThrownBy(() -> catalog.complete(disk, lease, "stale"))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining("lease " + other);
    assertThatThrownBy(() -> catalog.backups.progress(disk, lease, 1, 1, 1))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.backups.sealed(id, lease, START, Optional.empty()))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.backups.planned(disk, lease, plan(Reason.REQUESTED)))
        .isInstanceOf(FencedException.class);
    catalog.backups.failDisk(disk, lease, "stale");

    assertThat(catalog.queries.disk(id, 0).status()).isEqualTo(Status.RUNNING);
    catalog.complete(disk, other, "fresh");
    assertThat(catalog.queries.disk(id, 0).changeId()).contains(new ChangeId("fresh"));
  }

  @Test
  void refusedCompletionRollsBackTheWholeChunk() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    endLease(lease);

    assertThatThrownBy(() ->
            catalog.transaction.executeWithoutResult(status -> {
              unchecked(() -> catalog.backups.progress(disk, lease, 30, 20, 10));
              assertThatThrownBy(() -> catalog.complete(disk, lease, "c1"))
                  .isInstanceOf(FencedException.class);
            }))
        .isInstanceOf(UnexpectedRollbackException.class);

    assertThat(catalog.queries.disk(id, 0).bytesRead()).isZero();
  }

  @Test
  void renewedAndReleasedLeases() throws Exception {
    catalog.leases.renew(lease, Duration.ofHours(1));
    assertThat(catalog.leases.alive(lease)).isTrue();

    catalog.leases.release(lease);
    catalog.leases.release(lease);

    assertThat(catalog.leases.alive(lease)).isFalse();
    assertThat(catalog.lease()).isGreaterThan(lease);
  }

  @Test
  void leaseOfAProcessThatIsGoneIsDeadAtOnce() throws Exception {
    Process child = new ProcessBuilder("sleep", "60").start();
    ProcessIdentity self = ProcessIdentity.current();
    String childStart = ProcessIdentity.startOf(child.pid());
    ProcessIdentity running = new ProcessIdentity(self.host(), child.pid(), childStart);
    ProcessIdentity reused = new ProcessIdentity(self.host(), child.pid(), childStart + "1");
    ProcessIdentity elsewhere = new ProcessIdentity("other-host", child.pid(), childStart + "1");
    long alive = catalog.leases.acquire(running, LEASE).token();
    BackupId id = catalog.begin(vm, alive);

    assertThat(catalog.leases.alive(catalog.leases.acquire(reused, LEASE).token())).isFalse();
    assertThat(catalog.leases.alive(catalog.leases.acquire(elsewhere, LEASE).token())).isTrue();
    assertThat(catalog.queries.ownerAlive(id)).isTrue();
    child.destroyForcibly().onExit().join();

    assertThat(catalog.queries.ownerAlive(id)).isFalse();
    assertThat(catalog.queries.running()).extracting(BackupRow::id).contains(id);
  }

  // Snapshots

  @Test
  void remembersSnapshotsUntilTheyAreClosed() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    Instant keep = START.plus(Duration.ofDays(1));
    String handle = "{\"sub\": \"" + "ü".repeat(60_000) + "\"}";
    assertThat(catalog.backups.snapshotOpened(id, lease, "old", START, START)).isEqualTo(1);
    assertThat(catalog.backups.snapshotOpened(id, lease, handle, START, keep)).isEqualTo(2);

    assertThat(catalog.queries.unfinished(REPOSITORY, vm)).isEmpty();
    assertThat(past(keep.plusMillis(1))).isEmpty();
    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("broke"));

    assertThat(catalog.queries.unfinished(REPOSITORY, vm))
        .singleElement()
        .satisfies(row -> assertThat(row.snapshotHandle()).contains(handle));
    assertThat(past(keep)).isEmpty();
    assertThat(past(keep.plusMillis(1))).containsExactly(id);
    catalog.backups.snapshotClosed(id);

    assertThat(past(keep.plusMillis(1))).isEmpty();
    assertThat(catalog.queries.unfinished(REPOSITORY, vm)).isEmpty();
    assertThat(catalog.queries.backup(id).snapshotTakenAt()).contains(START);
    assertThat(catalog.queries.backup(id).snapshotNo()).isEqualTo(2);
  }

  @Test
  void lostSnapshotMovesCompletedDisksOutOfTheBackup() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId kept = catalog.disk(id, lease, 0);
    catalog.complete(kept, lease, "c1");
    catalog.disk(id, lease, 1);

    Optional<BackupId> lost = catalog.backups.supersedeDisks(id, lease);

    assertThat(lost).contains(new BackupId(id + "-lost1"));
    BackupRow moved = catalog.queries.backup(lost.orElseThrow());
    assertThat(moved.status()).isEqualTo(Status.ABANDONED);
    assertThat(moved.note().orElseThrow()).contains(id.value());
    assertThat(moved.disks()).extracting(BackupDiskRow::id).containsExactly(kept);
    assertThat(catalog.queries.backup(id).disks()).isEmpty();
    assertThat(catalog.queries.baseline(REPOSITORY, vm, 0).orElseThrow().image()).isEqualTo(kept);

    DiskBackupId again = catalog.disk(id, lease, 0);
    assertThat(again.value()).isEqualTo(kept + "-2");
    catalog.complete(again, lease, "c2");
    assertThat(catalog.backups.supersedeDisks(id, lease)).contains(new BackupId(id + "-lost2"));
    catalog.disk(id, lease, 0);
    assertThat(catalog.backups.supersedeDisks(id, lease)).isEmpty();
    assertThat(catalog.queries.backup(id).disks()).isEmpty();
  }

  // Machines, repositories, queries

  @Test
  void diskNumbersStayAndAreNeverReused() throws Exception {
    int root = catalog.machines.diskId(vm, new DiskKey("vda"));
    int data = catalog.machines.diskId(vm, new DiskKey("VDA"));
    int spaced = catalog.machines.diskId(vm, new DiskKey("vda "));

    assertThat(List.of(root, data, spaced)).containsExactly(0, 1, 2);
    assertThat(catalog.machines.diskId(vm, new DiskKey("VDA"))).isEqualTo(1);
    assertThat(catalog.machines.disks(vm))
        .containsExactly(
            Map.entry(0, new DiskKey("vda")),
            Map.entry(1, new DiskKey("VDA")),
            Map.entry(2, new DiskKey("vda ")));
  }

  @Test
  void diskNumbersGivenAtOnceDiffer() throws Exception {
    List<Object> numbers =
        atOnce(8, thread -> catalog.machines.diskId(vm, new DiskKey("k" + thread % 4)));

    assertThat(numbers).hasSize(8);
    assertThat(catalog.machines.disks(vm).keySet()).containsExactly(0, 1, 2, 3);
  }

  @Test
  void vmNamesAreUniqueAndMayChange() {
    catalog.machines.register(vm, vmName + " – renamed ünï");
    assertThat(catalog.machines.name(vm)).contains(vmName + " – renamed ünï");
    assertThat(catalog.machines.find(vmName)).isEmpty();
    VmId other = new VmId(vm + "-other");

    assertThatThrownBy(() -> catalog.machines.register(other, vmName + " – renamed ünï"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(vm.value());

    catalog.machines.register(other, vmName);
    assertThat(catalog.queries.vmNames()).contains(vmName, vmName + " – renamed ünï");
  }

  @Test
  void vmRegisteredAtOnceByManyIsThereOnce() throws Exception {
    VmId fresh = new VmId(vm + "-fresh");

    List<Object> outcomes =
        atOnce(
            8,
            thread -> {
              catalog.machines.register(fresh, "fresh of " + vm);
              catalog.repositories.register(new RepositoryId("fresh-" + vm), "/f");
              return "done";
            });

    assertThat(outcomes).containsOnly("done");
    assertThat(catalog.machines.find("fresh of " + vm)).contains(fresh);
  }

  @Test
  void remembersWhereARepositoryWasMovedTo() {
    RepositoryId moved = new RepositoryId("moved-" + vm);
    catalog.repositories.register(moved, "/a");
    catalog.repositories.register(moved, "/b");

    assertThat(catalog.repositories.path(moved)).contains("/b");
  }

  @Test
  void findsBackupsByAnyIdAndExecution() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    long execution = 1000L + MACHINES.get();
    catalog.backups.executing(id, lease, execution);

    assertThat(catalog.queries.find(id.value()).orElseThrow().id()).isEqualTo(id);
    assertThat(catalog.queries.find(disk.value()).orElseThrow().id()).isEqualTo(id);
    assertThat(catalog.queries.byExecution(execution).orElseThrow().id()).isEqualTo(id);
    assertThat(catalog.queries.find("nothing' or '1'='1")).isEmpty();
    assertThatThrownBy(() -> catalog.queries.backup(new BackupId("nothing")))
        .isInstanceOf(NoSuchElementException.class)
        .hasMessageContaining("nothing");
    assertThatThrownBy(() -> catalog.queries.disk(id, 9))
        .isInstanceOf(NoSuchElementException.class);
  }

  @Test
  void listsNewestFirstWithDisks() throws Exception {
    BackupId first = completed("c1");
    clock.advance(Duration.ofSeconds(1));
    BackupId second = completed("c2");
    clock.advance(Duration.ofSeconds(1));
    BackupId third = catalog.begin(vm, lease);

    List<BackupRow> rows = catalog.queries.list(Optional.of(vmName), 10);

    assertThat(rows).extracting(BackupRow::id).containsExactly(third, second, first);
    assertThat(rows).extracting(row -> row.disks().size()).containsExactly(0, 1, 1);
    BackupDiskRow disk = rows.get(1).disks().getFirst();
    assertThat(disk.level()).contains(Level.FULL);
    assertThat(disk.reason()).contains(Reason.NO_BASELINE);
    assertThat(List.of(disk.bytesTotal(), disk.bytesRead(), disk.bytesStored()))
        .containsExactly(500L, 500L, 300L);
    assertThat(rows.get(1).repositoryPath()).isEqualTo("/backups");
    assertThat(catalog.queries.list(Optional.of(vmName), 2)).hasSize(2);
    assertThat(catalog.queries.list(Optional.of("no such vm"), 10)).isEmpty();
    assertThat(catalog.queries.list(Optional.empty(), 1000)).containsAll(rows);
  }

  @Test
  void planningAgainResetsTheCounters() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.backups.progress(disk, lease, 30, 20, 10);
    catalog.backups.stopDisk(disk, lease);
    assertThat(catalog.queries.disk(id, 0).status()).isEqualTo(Status.STOPPED);

    catalog.backups.planned(disk, lease, plan(Reason.CBT_RESET));

    BackupDiskRow row = catalog.queries.disk(id, 0);
    assertThat(row.status()).isEqualTo(Status.RUNNING);
    assertThat(row.reason()).contains(Reason.CBT_RESET);
    assertThat(List.of(row.bytesRead(), row.bytesTransferred(), row.bytesStored()))
        .containsOnly(0L);
  }

  @Test
  void instantsSurviveAnyTimeZone() throws Exception {
    // 01:30 on this day does not exist in London, and 02:30 in Berlin neither.
    TimeZone before = TimeZone.getDefault();
    Instant gap = Instant.parse("2026-03-29T01:30:00.123Z");
    try {
      for (String zone : List.of("Europe/London", "Europe/Berlin", "Asia/Tokyo")) {
        TimeZone.setDefault(TimeZone.getTimeZone(zone));
        clock.set(gap);
        BackupId id = catalog.begin(vm, lease);
        assertThat(catalog.queries.backup(id).createdAt()).as(zone).isEqualTo(gap);
        TimeZone.setDefault(TimeZone.getTimeZone("America/New_York"));
        assertThat(catalog.queries.backup(id).createdAt()).as(zone).isEqualTo(gap);
        catalog.backups.ended(id, lease, Status.FAILED, Optional.empty());
      }
    } finally {
      TimeZone.setDefault(before);
    }
    assertThat(
            catalog
                .jdbc
                .sql("select max(created_at) from backups where vm_id = :vm")
                .param("vm", vm.value())
                .query(LocalDateTime.class)
                .single())
        .isEqualTo("2026-03-29T01:30:00.123");
  }

  @Test
  void changelogsRunTwice() throws Exception {
    int before = changesApplied();

    // Otherwise Liquibase remembers that it was up to date and looks at nothing.
    Scope.getCurrentScope().getSingleton(FastCheckService.class).clearCache();
    TestCatalog.migrate(catalog.dataSource);

    assertThat(changesApplied()).isEqualTo(before).isPositive();
  }

  @Test
  void frameworkTablesKeepAnyText() {
    catalog
        .jdbc
        .sql(
            """
            insert into BATCH_JOB_INSTANCE (JOB_INSTANCE_ID, VERSION, JOB_NAME, JOB_KEY)
            values (:id, 0, :name, :key)\
            """)
        .param("id", MACHINES.get())
        .param("name", "日本 🙂")
        .param("key", vm.value())
        .update();

    assertThat(
            catalog
                .jdbc
                .sql("select JOB_NAME from BATCH_JOB_INSTANCE where JOB_KEY = :key")
                .param("key", vm.value())
                .query(String.class)
                .single())
        .isEqualTo("日本 🙂");
    assertThat(catalog.jdbc.sql("select count(*) from QRTZ_TRIGGERS").query(Long.class).single())
        .isZero();
  }

  @Test
  void administratorsViewHasExactlyItsColumns() throws Exception {
    completed("c1");

    List<String> columns =
        catalog
            .jdbc
            .sql("select * from backup_jobs where vm_name = :vm")
            .param("vm", vmName)
            .query(row -> {
              List<String> names = new ArrayList<>();
              for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
                names.add(row.getMetaData().getColumnLabel(i).toLowerCase(Locale.ROOT));
              }
              row.next();
              assertThat(row.getString("backup_type")).isEqualTo("full");
              assertThat(row.getString("created_at")).startsWith("2026-03-04 05:06:07.891");
              assertThat(row.getLong("bytes_transferred")).isEqualTo(400);
              assertThat(row.getLong("total_bytes")).isEqualTo(500);
              return names;
            });

    assertThat(columns)
        .containsExactly(
            "id",
            "backup_id",
            "vm_name",
            "disk_id",
            "backup_type",
            "status",
            "change_id",
            "bytes_transferred",
            "total_bytes",
            "created_at",
            "completed_at");
  }

  @Test
  void snapshotOfASealedBackupGoesOnceItsProcessIsDead() throws Exception {
    long mortal = catalog.leases.acquire(ProcessIdentity.current(), LEASE).token();
    BackupId id = catalog.begin(vm, mortal);
    catalog.backups.snapshotOpened(id, mortal, "handle", START, START.plus(Duration.ofDays(1)));
    catalog.complete(catalog.disk(id, mortal, 0), mortal, "c");
    catalog.backups.sealed(id, mortal, clock.instant(), Optional.empty());

    assertThat(past(START)).isEmpty();
    assertThat(past(START.plus(Duration.ofDays(2)))).isEmpty();
    endLease(mortal);

    assertThat(past(START)).containsExactly(id);
    assertThat(catalog.leases.takeClosing(id, mortal, lease)).isTrue();
    assertThat(catalog.leases.takeClosing(id, mortal, lease)).isFalse();
    assertThat(past(START)).isEmpty();
    assertThat(catalog.queries.closing(REPOSITORY, vm)).hasSize(1);
    catalog.backups.snapshotClosed(id);
    assertThat(catalog.queries.closing(REPOSITORY, vm)).isEmpty();
  }

  private Object beginOrBusy() {
    try {
      return catalog.backups.begin(newBackup(vm, lease));
    } catch (VmBusyException e) {
      return e;
    }
  }

  /** A completed backup of disk 0. */
  private BackupId completed(String changeId) throws FencedException {
    BackupId id = catalog.begin(vm, lease);
    catalog.complete(catalog.disk(id, lease, 0), lease, changeId);
    catalog.backups.sealed(id, lease, clock.instant(), Optional.empty());
    return id;
  }

  private List<BackupId> past(Instant now) {
    return catalog.queries.snapshotsToClose(now).stream()
        .filter(row -> row.vmId().equals(vm))
        .map(BackupRow::id)
        .toList();
  }

  private void endLease(long token) {
    catalog
        .jdbc
        .sql("update leases set expires_at = :end where token = :token")
        .param("end", UtcTime.of(Instant.parse("2020-01-01T00:00:00Z")))
        .param("token", token)
        .update();
  }

  private int changesApplied() {
    return catalog.jdbc.sql("select count(*) from DATABASECHANGELOG").query(Integer.class).single();
  }

  private Optional<ChangeId> viewChangeId(DiskBackupId id) {
    return catalog
        .jdbc
        .sql("select change_id from backup_jobs where id = :id")
        .param("id", id.value())
        .query((row, index) -> Optional.ofNullable(row.getString(1)).map(ChangeId::new))
        .single();
  }

  /** What another connection sees. */
  private static <T> T elsewhere(Callable<T> question) {
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      return other.submit(question).get();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private interface Step {
    void run() throws Exception;
  }

  private static void unchecked(Step step) {
    try {
      step.run();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private interface PerThread {
    Object run(int thread) throws Exception;
  }

  private static List<Object> atOnce(int threads, PerThread work) throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(threads);
    List<Future<Object>> futures = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      for (int i = 0; i < threads; i++) {
        int thread = i;
        futures.add(
            executor.submit(() -> {
              barrier.await();
              return work.run(thread);
            }));
      }
    }
    List<Object> outcomes = new ArrayList<>();
    for (Future<Object> future : futures) {
      outcomes.add(future.get());
    }
    return outcomes;
  }
}
