package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.repository.Repository;
import dev.backstep.source.SourceFinding;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Snapshots: made once, held for a relaunch, and removed. */
class VsphereSnapshotIT extends VsphereBackupTest {

  @Test
  void slowSnapshotIsWaitedForAlsoWhenItsTaskIsForgotten() throws Exception {
    fault("CreateSnapshot_Task", "task", "true", "delay", "1500", "changes", "forget");

    complete();

    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void snapshotWhoseAnswerIsLostIsFoundAndNotMadeTwice() throws Exception {
    int before = vcenter.calls("CreateSnapshot_Task");
    fault("CreateSnapshot_Task", "task", "true", "delay", "700", "changes", "lose");

    complete();

    assertThat(vcenter.calls("CreateSnapshot_Task")).isEqualTo(before + 1);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void failingSnapshotFailsTheBackupAndLeavesNothing() throws Exception {
    settings.put("quiesce", "off");
    fault("CreateSnapshot_Task", "task", "true", "fault", "GenericVmConfigFault");

    BackupRow failed = backup();

    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.error().orElse("")).contains("GenericVmConfigFault");
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void guestThatDoesNotComeToRestIsBackedUpUnlessThatIsRequired() throws Exception {
    vcenter.control("quiesce", "vm", vm.moref(), "fails", "true");
    complete();
    settings.put("quiesce", "required");

    BackupRow refused = backup();

    assertThat(refused.error().orElse("")).contains("ApplicationQuiesceFault");
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void guestWithoutToolsIsRefusedWhereRestIsRequiredAndElseTold() throws Exception {
    vcenter.control("tools", "vm", vm.moref(), "status", "guestToolsNotRunning");
    BackupRow restless = complete();
    List<SourceFinding> remarked = examined();
    int before = vcenter.calls("CreateSnapshot_Task");
    settings.put("quiesce", "required");

    BackupRow refused = backup();

    assertThat(refused.status()).isEqualTo(Status.FAILED);
    assertThat(refused.error().orElse(""))
        .contains(vm.moref(), "VMware Tools do not run", "guestToolsNotRunning", "quiesce: try");
    assertThat(vcenter.calls("CreateSnapshot_Task")).as("none is made").isEqualTo(before);
    assertThat(quiesced(restless)).isFalse();
    assertThat(remarked)
        .filteredOn(finding -> finding.what().equals("quiesce"))
        .allSatisfy(finding -> assertThat(finding.text()).contains("as after a power failure"))
        .extracting(SourceFinding::good)
        .containsExactly(true);
    assertThat(examined())
        .filteredOn(finding -> finding.what().equals("quiesce"))
        .extracting(SourceFinding::good)
        .containsExactly(false);
  }

  private boolean quiesced(BackupRow row) throws IOException {
    String told =
        Repository.open(repository)
            .restorePoint(row.vmId(), row.id())
            .vmDefinition()
            .get("vsphere-machine");
    return JsonMapper.shared().readTree(told).get("quiesced").asBoolean();
  }

  @Test
  void snapshotThatSilentlyIsNotAtRestIsRemovedWhereThatIsRequired() throws Exception {
    settings.put("quiesce", "required");
    BackupRow right = complete();
    vcenter.control("quiesce", "vm", vm.moref(), "fails", "silently");

    BackupRow refused = backup();

    assertThat(quiesced(right)).isTrue();
    assertThat(refused.status()).isEqualTo(Status.FAILED);
    assertThat(refused.error().orElse("")).contains("had not come to rest", "it is removed");
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void machineThatIsOffIsAtRestAndOneThatIsSuspendedIsNot() throws Exception {
    settings.put("quiesce", "required");
    vcenter.power(vm, "suspended");
    BackupRow suspended = backup();
    vcenter.power(vm, "on");
    vcenter.power(vm, "off");

    complete();

    assertThat(suspended.error().orElse("")).contains("it is suspended");
  }

  /** As when a process dies before it can say so, and the vCenter does not remove it. */
  private BackupRow failsBesideItsSnapshot() throws Exception {
    fault("RemoveSnapshot_Task", "fault", "NoPermission");
    BackupRow failed = backup();
    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.snapshotHandle()).isEmpty();
    assertThat(vcenter.snapshots(vm)).hasSize(1);
    return failed;
  }

  @Test
  void snapshotThatIsNotAtRestIsNotAdoptedWhereThatIsRequired() throws Exception {
    settings.put("quiesce", "required");
    vcenter.control("quiesce", "vm", vm.moref(), "fails", "silently");
    BackupRow failed = failsBesideItsSnapshot();
    vcenter.control("quiesce", "vm", vm.moref(), "fails", "");

    BackupRow row = completed(ended(jobs.relaunch(failed.id().value())));

    assertThat(quiesced(row)).isTrue();
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void snapshotThatIsTooOldIsNotAdopted() throws Exception {
    settings.put("snapshot-age-max", "0s");
    fault("RetrievePropertiesEx", "about", ">VirtualMachineSnapshot<", "fault", "SystemError");
    BackupRow failed = failsBesideItsSnapshot();
    int before = vcenter.calls("CreateSnapshot_Task");

    completed(ended(jobs.relaunch(failed.id().value())));

    assertThat(vcenter.calls("CreateSnapshot_Task")).as("another one").isEqualTo(before + 1);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void snapshotsOfOthersStay() throws Exception {
    vcenter.control("snapshot", "vm", vm.moref(), "name", "manual");
    complete();
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.snapshots(vm)).containsValue("manual").hasSize(1);
  }

  @Test
  void removalIsTriedAgainAndConsolidated() throws Exception {
    fault("RemoveSnapshot_Task", "task", "true", "fault", "TaskInProgress");
    fault("RemoveSnapshot_Task", "task", "true", "changes", "consolidation");
    int before = vcenter.calls("ConsolidateVMDisks_Task");

    complete();

    assertThat(vcenter.calls("ConsolidateVMDisks_Task")).isEqualTo(before + 1);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void serverThatIsSlowToLetItsDiskGoIsNotKilled() throws Exception {
    exclude = Set.of(new DiskKey("2001"), new DiskKey("2002")); // each is waited for in turn
    complete();
    guestWrites();
    vcenter.closeDelay("10");
    long before = System.nanoTime();

    complete();

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isGreaterThan(Duration.ofSeconds(10));
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void snapshotThatIsTooOldIsReplaced() throws Exception {
    settings.put("snapshot-age-max", "0s");
    BackupRow failed = failsForAMissingRight();

    BackupRow row = completed(ended(jobs.relaunch(failed.id().value())));

    assertThat(row.snapshotNo()).isEqualTo(2);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void nextBackupRemovesTheSnapshotOfOneThatFailed() throws Exception {
    BackupRow failed = failsForAMissingRight();

    complete();

    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void abandoningRemovesTheSnapshot() throws Exception {
    BackupRow failed = failsForAMissingRight();

    jobs.abandon(failed.id().value());

    assertThat(vcenter.snapshots(vm)).isEmpty();
  }
}
