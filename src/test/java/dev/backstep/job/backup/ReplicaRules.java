package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What runs of replications write, on any database. */
abstract class ReplicaRules extends ReplicaTest {

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
}
