package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the vCenter says of changes, believed or not. */
class VsphereTrackingIT extends VsphereBackupTest {

  @Test
  void trackingIsSwitchedOnByTheFirstBackup() throws Exception {
    vm = vcenter.vm(Map.of("name", name + "-off", "tracking", "false"), 4 * MIB, 2 * MIB);
    settings.put("name", name + "-off");
    guestWrites();

    BackupRow full = complete();
    guestWrites();
    BackupRow incremental = complete();

    assertThat(full.disks()).allSatisfy(disk -> assertThat(disk.changeId()).isPresent());
    assertThat(reasons(incremental)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void trackingIsNotSwitchedOnBesideSnapshotsOfOthers() throws Exception {
    vm = vcenter.vm(Map.of("name", name + "-off", "tracking", "false"), 2 * MIB);
    settings.put("name", name + "-off");
    vcenter.control("snapshot", "vm", vm.moref(), "name", "before the update");
    guestWrites();

    complete();
    BackupRow second = complete();

    assertThat(reasons(second)).containsOnly(Reason.CBT_UNAVAILABLE);
    assertThat(examined())
        .filteredOn(finding -> finding.what().equals("remark"))
        .anySatisfy(remark -> assertThat(remark.text()).contains("before the update"));
    assertThat(vcenter.snapshots(vm)).containsValue("before the update").hasSize(1);
  }

  @Test
  void resetOfOneDiskLeavesItsSiblingsIncremental() throws Exception {
    complete();
    guestWrites();
    vcenter.control("reset", "vm", vm.moref(), "key", "2001");

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactly(Reason.CHANGED_EXTENTS, Reason.CBT_RESET, Reason.CHANGED_EXTENTS);
    assertThat(row.disks().get(1).cause()).contains("tracking was begun anew");
  }

  @Test
  void trackingThatFailsHalfWayCostsThatDiskAFullCopy() throws Exception {
    parallel = 1;
    complete();
    guestWrites();
    fault("QueryChangedDiskAreas", "skip", "1", "fault", "FileFault");

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactlyInAnyOrder(
            Reason.CBT_RESET, Reason.CHANGED_EXTENTS, Reason.CHANGED_EXTENTS);
    assertThat(row.disks())
        .filteredOn(disk -> disk.reason().orElseThrow() == Reason.CBT_RESET)
        .allSatisfy(disk -> assertThat(disk.cause()).contains("FileFault"));
  }

  @Test
  void trackingThatCannotAnswerCostsThatDiskAFullCopy() throws Exception {
    parallel = 1;
    complete();
    guestWrites();
    fault("QueryChangedDiskAreas", "about", ">2000<", "fault", "FileNotFound");
    fault(
        "QueryChangedDiskAreas",
        "about",
        ">2001<",
        "fault",
        "InvalidArgument",
        "content",
        "<invalidProperty>changeId</invalidProperty>");

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactly(Reason.CBT_RESET, Reason.CBT_RESET, Reason.CHANGED_EXTENTS);
    assertThat(row.disks().get(0).cause()).contains("FileNotFound");
    assertThat(row.disks().get(1).cause()).contains("InvalidArgument (changeId)");
  }

  @Test
  void questionThatIsAskedWronglyFailsTheBackupAndNotTheChain() throws Exception {
    complete();
    guestWrites();
    fault(
        "QueryChangedDiskAreas",
        "count",
        "3",
        "fault",
        "InvalidArgument",
        "content",
        "<invalidProperty>startOffset</invalidProperty>");
    BackupRow failed = backup();
    vcenter.control("calm");

    BackupRow row = complete();

    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.error().orElse("")).contains("InvalidArgument (startOffset)");
    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
  }

  @Test
  void trackingThatLiesIsFoundByTheAudit() throws Exception {
    complete();
    guestWrites();
    vcenter.control("lie", "vm", vm.moref(), "key", "2000");

    BackupRow row =
        completed(
            ended(
                jobs.launch(
                    definition(new CbtAuditDefinition(1000, Duration.ZERO)), RequestedLevel.AUTO)));

    assertThat(reasons(row).getFirst()).isEqualTo(Reason.CBT_AUDIT_FAILED);
  }

  @Test
  void vcenterThatCallsDataUnusedIsNotBelieved() throws Exception {
    vcenter.control("lie", "vm", vm.moref());
    for (int key : vm.keys()) {
      try (var file = new java.io.RandomAccessFile(vcenter.live(vm, key).toFile(), "rw")) {
        byte[] first = new byte[(int) (2 * MIB)];
        random.nextBytes(first);
        file.write(first);
      }
    }

    assertThat(reasons(complete())).containsOnly(Reason.NO_BASELINE);
  }

  @Test
  void allIsReadWhereWhatIsInUseCannotBeTold() throws Exception {
    vcenter.control("star", "vm", vm.moref(), "fails", "true");

    BackupRow row = complete();

    assertThat(row.disks().getFirst().bytesRead()).isEqualTo(8 * MIB);
  }

  @Test
  void zerosInLargeChangedAreasAreNotRead() throws Exception {
    byte[] area = new byte[(int) (3 * MIB)];
    random.nextBytes(area);
    writeFirst(area);
    complete();
    writeFirst(new byte[area.length]);

    BackupRow row = complete();

    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(row.disks().getFirst().bytesRead()).isLessThan(MIB);
  }

  @Test
  void diskThatWasReplacedBehindItsKeyIsCopiedWhole() throws Exception {
    complete();
    String file = "[LocalDS_0] other/" + name + ".vmdk";
    vcenter.control("set", "vm", vm.moref(), "key", "2001", "replaced-by", file);
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactly(Reason.CHANGED_EXTENTS, Reason.CBT_RESET, Reason.CHANGED_EXTENTS);
    assertThat(row.disks().get(1).cause()).contains("tracking was begun anew");
  }

  private void writeFirst(byte[] bytes) throws IOException {
    try (var file = new java.io.RandomAccessFile(vcenter.live(vm, 2000).toFile(), "rw")) {
      file.write(bytes);
    }
  }

  @Test
  void grownDiskIsCopiedWhole() throws Exception {
    complete();
    vcenter.control("set", "vm", vm.moref(), "key", "2001", "size", String.valueOf(6 * MIB));
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactly(Reason.CHANGED_EXTENTS, Reason.DISK_RESIZED, Reason.CHANGED_EXTENTS);
  }
}
