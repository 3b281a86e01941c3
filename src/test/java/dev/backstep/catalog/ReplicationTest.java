package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** A catalog with one VM that is replicated. */
abstract class ReplicationTest {

  static final VmId WEB = new VmId("web");
  static final DiskKey KEY = new DiskKey("2000");
  static final String PATH = "/dc/vm/Büro 1/web";

  final MovableClock clock = new MovableClock(Instant.now());

  TestCatalog catalog;
  Tasks tasks;
  Replications replications;
  Replicas replicas;
  Restores restores;
  MovedReplications moved;
  ReplicationQueries queries;
  long lease;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeEach
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    tasks = new Tasks(catalog.dataSource, manager, catalog.leases, clock);
    replications = new Replications(catalog.dataSource, manager, tasks, catalog.leases, clock);
    replicas = new Replicas(catalog.dataSource, manager, tasks, clock);
    restores = new Restores(catalog.dataSource, manager, tasks);
    moved = new MovedReplications(catalog.dataSource, manager, clock);
    queries =
        new ReplicationQueries(
            catalog.dataSource, new TaskQueries(catalog.dataSource, catalog.leases));
    lease = catalog.lease();
    catalog.machines.register(WEB, "web");
  }

  @AfterEach
  void closeCatalog() {
    catalog.close();
  }

  String begin() {
    return replications.begin(
        new Replications.NewRun(WEB, "web", "web", RequestedLevel.AUTO, false, "{}", lease));
  }

  /** A run of one disk whose snapshot is open. */
  String opened() throws Exception {
    String run = begin();
    replications.forgetDisks(run, lease);
    replications.snapshotOpened(run, lease, "handle", clock.instant(), clock.instant());
    replications.addDisk(run, 0, KEY, Optional.of("/dr/web.raw"), 1000);
    return run;
  }

  void begun(String run, Reason reason) throws FencedException {
    replicas.planned(run, lease, 0, new Replicas.Plan(reason, "", changeId(), 500));
    replicas.begun(run, lease, KEY, "/dr/web.raw", reason == Reason.CHANGED_EXTENTS);
  }

  void complete(String run, String changeId) throws FencedException {
    replicas.completed(
        run,
        lease,
        0,
        KEY,
        new Replicas.Held(
            Optional.of(new ChangeId(changeId)), "existing 7 1000 9", 1000, clock.instant(), 0));
  }

  String completed(String changeId, Reason reason) throws Exception {
    String run = opened();
    take(run);
    begun(run, reason);
    complete(run, changeId);
    tasks.ended(run, lease, Status.COMPLETED, Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    return run;
  }

  Optional<ChangeId> changeId() {
    return queries.replica("web", KEY).flatMap(ReplicaDisk::changeId);
  }

  void take(String run) throws FencedException {
    replicas.take(run, lease, 0, KEY, "/dr/web.raw", Set.of("/dr/web.raw"));
  }
}
