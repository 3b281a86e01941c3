package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.catalog.Replications;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.TaskRun;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What runs of replications write, on any database. */
abstract class ReplicaRules extends ReplicaTest {

  @Autowired DataSource dataSource;
  @Autowired Replications catalog;
  @Autowired ProcessLease lease;

  @Test
  void onlyWhatChangedIsWritten() throws Exception {
    String vm = "replica-plain";
    SimulatedSource.Machine machine = SimulatedSource.machine(vm);
    machine.disks.put("vda", new SimulatedDisk("vda", 2_000_000, new Random(5)));
    machine.disks.put("vdb", new SimulatedDisk("vdb", 1_000_000, new Random(6)));
    machine.disks.values().forEach(SimulatedDisk::write);
    JobDefinition definition = definition(vm, CbtResetPolicy.FULL, 2);

    ReplicationRun first = completed(machine, definition);
    ReplicationRun unchanged = completed(machine, definition);
    machine.disks.get("vda").write();
    machine.disks.get("vdb").resetTracking();
    ReplicationRun reset = completed(machine, definition);

    assertThat(first.disks())
        .allSatisfy(disk -> assertThat(disk.reason()).contains(Reason.NO_BASELINE));
    assertThat(unchanged.disks())
        .allSatisfy(disk -> {
          assertThat(disk.reason()).contains(Reason.CHANGED_EXTENTS);
          assertThat(disk.bytesWritten()).isZero();
          assertThat(disk.previousChangeId()).isPresent();
        });
    assertThat(reset.disks().get(0).reason()).contains(Reason.CHANGED_EXTENTS);
    assertThat(reset.disks().get(1).reason())
        .as("a reset costs its own disk only")
        .contains(Reason.CBT_RESET);
    SimulatedSource.remove(vm);
  }

  @Test
  void lieOfTrackingMakesTheDiskFull() throws Exception {
    String vm = "replica-lie";
    SimulatedSource.Machine machine = SimulatedSource.machine(vm);
    machine.disks.put("vda", new SimulatedDisk("vda", 3_000_000, new Random(7)));
    JobDefinition definition = definition(vm, CbtResetPolicy.FULL, 1);
    completed(machine, definition);
    for (int i = 0; i < 20; i++) {
      machine.disks.get("vda").write();
    }
    machine.disks.get("vda").forget();

    ReplicationRunDisk disk = completed(machine, definition).disks().getFirst();

    assertThat(disk.reason()).contains(Reason.CBT_AUDIT_FAILED);
    assertThat(disk.cause()).contains("that tracking called unchanged differ from the target");
    assertThat(disk.auditBytesDiffering())
        .as("what the audit found stays when the target is compared")
        .isBetween(1L, disk.bytesAudited());
    assertThat(disk.bytesCompared()).isGreaterThanOrEqualTo(disk.auditBytesDiffering());
    assertThat(disk.bytesDiffering()).isZero();
    SimulatedSource.remove(vm);
  }

  /** The database did not answer when it was to learn that the snapshot stays. */
  @Test
  void nextRunDoesNotWaitForWhatThisProcessLetsGoNoMore() throws Exception {
    String vm = "replica-release-lost";
    SimulatedSource.Machine machine = SimulatedSource.machine(vm);
    machine.disks.put("vda", new SimulatedDisk("vda", 2_000_000, new Random(9)));
    machine.disks.get("vda").write();
    JobDefinition definition = definition(vm, CbtResetPolicy.FULL, 1);
    TaskRun lost = lost(machine, definition);
    assertThat(catalog.beginRelease(lost.id(), lease.token(), Instant.now())).isTrue();

    TaskRun next = replications.replicate(definition, RequestedLevel.AUTO, false);

    assertThat(next.await(Duration.ofSeconds(30))).isTrue();
    assertThat(next.state().status()).isEqualTo(Status.COMPLETED);
    SimulatedSource.remove(vm);
  }

  /** A run that failed, and whose snapshot nobody will take up again. */
  private TaskRun lost(SimulatedSource.Machine machine, JobDefinition definition)
      throws InterruptedException {
    machine.readBudget = 0;
    TaskRun lost = replications.replicate(definition, RequestedLevel.AUTO, false);
    await(lost);
    assertThat(lost.state().status()).isEqualTo(Status.FAILED);
    machine.readBudget = -1;
    JdbcClient.create(dataSource)
        .sql("update replication_runs set snapshot_keep_until = snapshot_taken_at where id = :id")
        .param("id", lost.id())
        .update();
    return lost;
  }

  /** A server lets the expired snapshot of a lost run go, slowly, when the next run begins. */
  @Test
  void nextRunWaitsWhileTheSnapshotOfALostOneIsLetGo() throws Exception {
    String vm = "replica-release";
    SimulatedSource.Machine machine = SimulatedSource.machine(vm);
    machine.disks.put("vda", new SimulatedDisk("vda", 2_000_000, new Random(8)));
    for (int i = 0; i < 9; i++) {
      machine.disks.get("vda").write();
    }
    JobDefinition definition = definition(vm, CbtResetPolicy.FULL, 1);
    TaskRun lost = lost(machine, definition);
    CountDownLatch removing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    machine.beforeRelease =
        () -> {
          removing.countDown();
          SimulatedSource.await(goOn);
        };
    CompletableFuture<Void> server = CompletableFuture.runAsync(replications::closeSnapshots);
    assertThat(removing.await(20, TimeUnit.SECONDS)).isTrue();

    TaskRun next = replications.replicate(definition, RequestedLevel.AUTO, false);
    boolean ended = next.await(Duration.ofSeconds(2));
    int made = machine.snapshotsMade;
    machine.beforeRelease = () -> {};
    goOn.countDown();
    server.join();
    await(next);

    assertThat(ended).isFalse();
    assertThat(made).as("the source is not touched before").isEqualTo(1);
    assertThat(next.state().status()).isEqualTo(Status.COMPLETED);
    check(machine, definition, next.id());
    assertThat(queries.run(lost.id()).orElseThrow().snapshotHandle()).isEmpty();
    SimulatedSource.remove(vm);
  }
}
