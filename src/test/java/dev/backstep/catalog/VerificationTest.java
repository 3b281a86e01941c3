package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** A catalog with the restore points of one VM, which are verified. */
abstract class VerificationTest {

  final MovableClock clock = new MovableClock(Instant.now());

  TestCatalog catalog;
  Tasks tasks;
  TaskQueries taskQueries;
  Verifications verifications;
  VerificationQueries queries;
  Proofs proofs;
  Ledgers ledgers;
  long lease;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeEach
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    tasks = new Tasks(catalog.dataSource, manager, catalog.leases, clock);
    taskQueries = new TaskQueries(catalog.dataSource, catalog.leases);
    verifications = new Verifications(catalog.dataSource, manager, tasks, clock);
    queries = new VerificationQueries(catalog.dataSource);
    proofs = new Proofs(catalog.dataSource, clock);
    ledgers = new Ledgers(catalog.dataSource);
    lease = catalog.lease();
    for (String name : List.of("a", "b")) {
      catalog.machines.register(new VmId(name), name);
    }
  }

  @AfterEach
  void closeCatalog() {
    catalog.close();
  }

  /** A completed backup of two disks, each on its base where there is one. */
  List<DiskBackupId> completed(String vm, List<DiskBackupId> bases) throws Exception {
    BackupId backup = catalog.begin(new VmId(vm), lease);
    List<DiskBackupId> disks = new ArrayList<>();
    for (int disk = 0; disk < 2; disk++) {
      DiskBackupId id =
          catalog.backups.addDisk(backup, disk, new DiskKey("k" + disk), 1000, taken -> false);
      Optional<DiskBackupId> base =
          bases.isEmpty() ? Optional.empty() : Optional.of(bases.get(disk));
      Reason reason = base.isEmpty() ? Reason.NO_BASELINE : Reason.CHANGED_EXTENTS;
      catalog.backups.planned(
          id,
          lease,
          new Backups.Plan(reason, "", Optional.empty(), base, bases.isEmpty() ? 1 : 2, 1000, 500));
      catalog.complete(id, lease, "change-" + id);
      disks.add(id);
    }
    catalog.backups.sealed(backup, lease, clock.instant(), Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    return disks;
  }

  BackupId backupOf(DiskBackupId disk) {
    return catalog.queries.find(disk.value()).orElseThrow().id();
  }

  BackupRow proven(List<DiskBackupId> disks) {
    return ledgers.in(catalog.queries.find(disks.getFirst().value()).orElseThrow());
  }
}
