package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.REPOSITORY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** Who owns a backup of a mover, when it is silent, and what is known of its exports. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class MovedBackupsContract {

  private static final AtomicInteger MACHINES = new AtomicInteger();
  private static final Instant NOW = Instant.parse("2026-03-01T01:00:00Z");

  private final MovableClock clock = new MovableClock(NOW);
  private TestCatalog catalog;
  private MovedBackups moved;
  private VmId vm;
  private long ours;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeAll
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    BackupQueue queue = new BackupQueue(catalog.dataSource, manager, clock);
    moved = new MovedBackups(catalog.dataSource, manager, catalog.leases, queue, clock);
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @BeforeEach
  void makeMachine() {
    vm = new VmId("moved" + MACHINES.incrementAndGet());
    catalog.machines.register(vm, "name of " + vm);
    ours = catalog.lease();
  }

  private BackupId begin(VmId of, long lease, boolean exports) {
    Launch launch = Launch.byApi("tester", List.of()).ofMover();
    return moved.begin(
        new BackupQueue.Request(
            of, REPOSITORY, RequestedLevel.AUTO, "vm: x", launch, Continuations.Retries.NONE),
        lease,
        NOW,
        exports,
        clock.instant().plusSeconds(60));
  }

  @Test
  void runsFromItsFirstMomentAndIsNoJobs() {
    BackupId id = begin(vm, ours, true);

    BackupRow row = catalog.queries.backup(id);
    assertThat(row.status()).isEqualTo(Status.RUNNING);
    assertThat(row.snapshotTakenAt()).contains(NOW);
    assertThat(row.launch().startAfter()).isEmpty();
    assertThat(catalog.queries.running()).extracting(BackupRow::id).doesNotContain(id);
    assertThat(catalog.queries.running(Mover.EXTERNAL)).extracting(BackupRow::id).contains(id);
    assertThatThrownBy(() -> begin(vm, ours, false)).isInstanceOf(VmBusyException.class);
    assertThat(moved.state(id).host()).isEqualTo(ProcessIdentity.current().host());
  }

  @Test
  void livingOwnerKeepsWhatItExports() throws Exception {
    BackupId exported = begin(vm, ours, true);
    long other = catalog.lease();

    assertThat(moved.own(exported, other)).isFalse();
    assertThat(moved.own(exported, ours)).isTrue();
    catalog.leases.release(ours);
    assertThat(moved.own(exported, other)).isTrue();

    assertThat(catalog.queries.backup(exported).leaseToken()).hasValue(other);
    assertThatThrownBy(() -> moved.lock(exported, ours)).isInstanceOf(FencedException.class);
    assertThat(moved.own(exported, ours)).isFalse();
    catalog.leases.release(other);
    assertThatThrownBy(() -> moved.own(exported, ours)).isInstanceOf(FencedException.class);
  }

  @Test
  void whatNobodyExportsIsWhoeversIsCalled() throws Exception {
    BackupId id = begin(vm, ours, false);
    long other = catalog.lease();

    assertThat(moved.own(id, other)).isTrue();
    assertThat(moved.own(id, ours)).isTrue();
  }

  @Test
  void endedBackupIsOwnedByNobody() {
    BackupId id = begin(vm, ours, true);
    catalog.backups.ended(id, ours, Status.FAILED, Optional.of("silent"));

    assertThatThrownBy(() -> moved.own(id, ours)).isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> moved.own(id, catalog.lease())).isInstanceOf(FencedException.class);
    assertThat(catalog.queries.backup(id).leaseToken()).hasValue(ours);
  }

  @Test
  void deadlinePassesUnlessRenewed() {
    BackupId id = begin(vm, ours, true);
    clock.advance(Duration.ofSeconds(50));
    moved.renew(id, clock.instant().plusSeconds(60));
    clock.advance(Duration.ofSeconds(50));
    assertThat(moved.isSilent(id)).isFalse();

    clock.advance(Duration.ofSeconds(11));

    assertThat(moved.isSilent(id)).isTrue();
  }

  @Test
  void exportThatWasNotEndedCountsAsBroken() throws Exception {
    DiskBackupId disk = catalog.disk(begin(vm, ours, true), ours, 0);
    moved.exportBegins(disk, ours);
    assertThat(export(disk)).isEqualTo(new MoverState.Export(true, 0));
    moved.exportEnded(disk);
    moved.exportBegins(disk, ours);
    assertThat(export(disk)).isEqualTo(new MoverState.Export(true, 0));

    moved.exportBegins(disk, ours);
    moved.exportBegins(disk, ours);

    assertThat(export(disk)).isEqualTo(new MoverState.Export(true, 2));
    assertThatThrownBy(() -> moved.exportBegins(disk, catalog.lease()))
        .isInstanceOf(FencedException.class);
  }

  private MoverState.Export export(DiskBackupId disk) {
    return moved.state(catalog.queries.find(disk.value()).orElseThrow().id()).disks().get(disk);
  }

  /** A mover names a backup or a disk backup by its id alone. */
  @Test
  void noIdIsOfABackupAndOfADiskBackup() throws Exception {
    VmId twin = new VmId(vm + "-disk0");
    catalog.machines.register(twin, "name of " + twin);

    BackupId first = begin(vm, ours, true);
    DiskBackupId disk = catalog.disk(first, ours, 0);
    BackupId second = begin(twin, ours, true);
    DiskBackupId twinDisk = catalog.disk(second, ours, 0);

    assertThat(second.value()).isEqualTo(disk + "-2");
    assertThat(catalog.queries.find(disk.value()).orElseThrow().id()).isEqualTo(first);
    assertThat(catalog.queries.find(twinDisk.value()).orElseThrow().id()).isEqualTo(second);
  }

  /** It begins at once, and reads what a restore has half written over. */
  @Test
  void machineThatIsWrittenOverHasNoBackupOfAMover() {
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    Tasks tasks = new Tasks(catalog.dataSource, manager, catalog.leases, clock);
    String restore =
        new Restores(catalog.dataSource, manager, tasks)
            .begin(
                new BackupId("backup-x-20260301-010000"),
                vm.value(),
                List.of(),
                Map.of("place of " + vm, "web"),
                Optional.of(vm),
                ours);

    assertThatThrownBy(() -> begin(vm, ours, true))
        .isInstanceOf(VmBusyException.class)
        .hasMessageContaining(restore);

    tasks.ended(restore, ours, Status.COMPLETED, Optional.empty());
    assertThat(catalog.queries.backup(begin(vm, ours, true)).status()).isEqualTo(Status.RUNNING);
  }
}
