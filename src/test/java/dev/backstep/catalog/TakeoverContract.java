package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.REPOSITORY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.dao.DataIntegrityViolationException;

/**
 * What a process may still do that slept while another one recovered and relaunched its backup, and
 * what the database itself refuses whoever asks.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TakeoverContract {

  private static final AtomicInteger MACHINES = new AtomicInteger();

  private TestCatalog catalog;
  private VmId vm = new VmId("none");
  private BackupId backup = new BackupId("none");
  private DiskBackupId disk = new DiskBackupId("none");
  private long sleeper;
  private long owner;

  abstract TestCatalog open(Path home) throws Exception;

  @BeforeAll
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home);
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @BeforeEach
  void takeOver() throws Exception {
    vm = new VmId("taken" + MACHINES.incrementAndGet());
    catalog.machines.register(vm, "name of " + vm);
    sleeper = catalog.lease();
    backup =
        catalog.backups.begin(
            new Backups.NewBackup(vm, REPOSITORY, RequestedLevel.AUTO, "vm: x", sleeper));
    disk = catalog.disk(backup, sleeper, 0);
    assertThat(catalog.backups.ended(backup, sleeper, Status.FAILED, Optional.of("gone"))).isTrue();
    owner = catalog.lease();
    catalog.backups.resume(backup, owner);
    catalog.backups.continued(disk, owner);
  }

  @Test
  void sleeperDoesNotEndWhatAnotherProcessRuns() {
    boolean ended = catalog.backups.ended(backup, sleeper, Status.FAILED, Optional.of("late"));

    assertThat(ended).isFalse();
    assertThat(catalog.queries.backup(backup).status()).isEqualTo(Status.RUNNING);
    assertThat(catalog.queries.disk(backup, 0).status()).isEqualTo(Status.RUNNING);
    assertThatThrownBy(() ->
            catalog.backups.begin(
                new Backups.NewBackup(vm, REPOSITORY, RequestedLevel.AUTO, "vm: x", sleeper)))
        .isInstanceOf(VmBusyException.class);
  }

  @Test
  void sleeperDoesNotForgetDisksOfAnotherProcess() {
    assertThatThrownBy(() -> catalog.backups.supersedeDisks(backup, sleeper))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining("lease " + owner);

    assertThat(catalog.queries.backup(backup).disks())
        .extracting(BackupDiskRow::id)
        .containsExactly(disk);
  }

  @Test
  void sleeperNeitherProgressesNorFailsNorCompletesADisk() {
    assertThatThrownBy(() -> catalog.backups.progress(disk, sleeper, 9, 9, 9))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.complete(disk, sleeper, "late"))
        .isInstanceOf(FencedException.class);
    catalog.backups.failDisk(disk, sleeper, "late");

    BackupDiskRow row = catalog.queries.disk(backup, 0);
    assertThat(row.status()).isEqualTo(Status.RUNNING);
    assertThat(row.bytesRead()).isZero();
    assertThat(row.changeId()).isEmpty();
  }

  @Test
  void ownerEndsAndSupersedes() throws Exception {
    catalog.complete(disk, owner, "c1");

    assertThat(catalog.backups.supersedeDisks(backup, owner))
        .contains(new BackupId(backup + "-lost1"));
    assertThat(catalog.backups.ended(backup, owner, Status.STOPPED, Optional.empty())).isTrue();
    assertThat(catalog.queries.backup(backup).status()).isEqualTo(Status.STOPPED);
  }

  @Test
  void databaseRefusesAChangeIdBeforeCompletion() {
    assertThatThrownBy(() -> update("change_id = 'early'"))
        .isInstanceOf(DataIntegrityViolationException.class)
        .hasMessageMatching("(?is).*backup_disks_published.*");
  }

  @Test
  void databaseRefusesCompletionWithoutImageOrLineage() {
    assertThatThrownBy(() -> update("status = 'COMPLETED', lineage_no = 1"))
        .isInstanceOf(DataIntegrityViolationException.class);
    assertThatThrownBy(() -> update("status = 'COMPLETED', image = 'x.qcow2'"))
        .isInstanceOf(DataIntegrityViolationException.class);
  }

  @Test
  void databaseRefusesToReopenACompletedDisk() throws Exception {
    catalog.complete(disk, owner, "c1");

    assertThatThrownBy(() -> update("status = 'RUNNING'"))
        .isInstanceOf(DataIntegrityViolationException.class);
  }

  private void update(String assignments) {
    catalog
        .jdbc
        .sql("update backup_disks set " + assignments + " where id = :id")
        .param("id", disk.value())
        .update();
  }

  /** It would have the owner stop, and count deaths that were none. */
  @Test
  void sleeperDoesNotLetAServerGoOnWithWhatAnotherProcessRuns() {
    Continuations continuations = new Continuations(catalog.dataSource, Clock.systemUTC());

    continuations.afterDeath(backup, sleeper);
    continuations.afterShutdown(backup, sleeper);

    assertThat(continuations.toStop(owner, Instant.now())).doesNotContain(backup);
    assertThat(
            catalog
                .jdbc
                .sql("select owner_deaths from backups where id = :id")
                .param("id", backup.value())
                .query(Integer.class)
                .single())
        .isZero();
  }
}
