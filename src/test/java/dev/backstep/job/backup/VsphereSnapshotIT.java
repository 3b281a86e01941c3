package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import org.junit.jupiter.api.Test;

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
