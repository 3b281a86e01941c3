package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.source.SourceFinding;
import dev.backstep.testing.Vcenter.Vm;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which VM is meant, and whether it can be protected. */
class VsphereMachineIT extends VsphereBackupTest {

  @Test
  void diskThatCannotBeProtectedIsNeverLeftOutSilently() throws Exception {
    vcenter.control("set", "vm", vm.moref(), "key", "2002", "mode", "independent_persistent");
    int before = vcenter.calls("CreateSnapshot_Task");

    BackupRow refused = backup();
    exclude = Set.of(new DiskKey("2002"));
    BackupRow row = complete();

    assertThat(refused.status()).isEqualTo(Status.FAILED);
    assertThat(refused.error().orElse("")).contains("2002", "independent_persistent", "exclude");
    assertThat(row.disks()).hasSize(2);
    assertThat(vcenter.calls("CreateSnapshot_Task")).isEqualTo(before + 1);
  }

  @Test
  void sharedBusAndFaultToleranceAreRefused() throws Exception {
    vcenter.control(
        "set", "vm", vm.moref(), "shared-bus", "physicalSharing", "fault-tolerance", "running");

    BackupRow refused = backup();

    assertThat(refused.error().orElse(""))
        .contains(
            "disk 2000", "disk 2001", "disk 2002", "shared with other VMs", "fault tolerance");
  }

  @Test
  void namesThatStandTwiceAreNotGuessed() throws Exception {
    Vm twin = vcenter.vm(Map.of("name", name, "folder", "other", "tracking", "true"), 2 * MIB);
    BackupRow refused = backup();
    settings.remove("name");
    settings.put("path", twin.path());
    vm = twin;
    guestWrites();

    BackupRow row = complete();

    assertThat(refused.error().orElse("")).contains("is 2 VMs", twin.path(), twin.moref());
    assertThat(row.disks()).hasSize(1);
  }

  @Test
  void namesMayHoldSlashesPercentSignsAndUnicode() throws Exception {
    String odd = name + "/b%20ü 'x' & [ds]";
    vm = vcenter.vm(Map.of("name", odd, "folder", "ä b/c", "tracking", "true"), 2 * MIB);
    settings.put("name", odd);
    guestWrites();
    complete();
    settings.remove("name");
    settings.put("path", vm.path());
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
  }

  @Test
  void machinesAreFoundByUuidMorefAndAttribute() throws Exception {
    vm = vcenter.vm(Map.of("name", name + "b", "attribute", "backup=" + name), 2 * MIB);
    for (Map.Entry<String, String> selector :
        Map.of(
                "moref", vm.moref(),
                "instance-uuid", vm.instanceUuid(),
                "attribute", "backup=" + name)
            .entrySet()) {
      settings.clear();
      settings.putAll(vcenter.settings(selector.getKey(), selector.getValue()));
      complete();
    }
    assertThat(taken).hasSize(3);
  }

  @Test
  void machineIsFoundByItsTag() throws Exception {
    String category = "Backup of " + name;
    for (String moref : List.of("group-v3", vm.moref())) {
      vcenter.control(
          "tag",
          "category",
          category,
          "tag",
          "täglich = 1",
          "vm",
          moref,
          "type",
          moref.startsWith("group") ? "Folder" : "VirtualMachine");
    }
    settings.clear();
    settings.putAll(vcenter.settings("tag", category + "=täglich = 1"));
    complete();

    Vm other = vcenter.vm(name + "-2", MIB);
    vcenter.control("tag", "category", category, "tag", "täglich = 1", "vm", other.moref());
    BackupRow ambiguous = backup();
    settings.put("tag", category + "=weekly");
    BackupRow unknown = backup();
    settings.put("tag", "no " + category + "=täglich = 1");
    BackupRow uncategorized = backup();

    assertThat(ambiguous.error().orElse("")).contains("is 2 VMs", vm.moref(), other.moref());
    assertThat(unknown.error().orElse("")).contains("no tag in category", "named weekly");
    assertThat(uncategorized.error().orElse("")).contains("no category of tags");
  }

  @Test
  void examinationTellsWhatABackupNeeds() throws Exception {
    vcenter.control("deny", "privilege", "VirtualMachine.State.RemoveSnapshot");
    vcenter.control("deny", "privilege", "Datastore.Browse");
    vcenter.control("set", "vm", vm.moref(), "key", "2001", "mode", "independent_nonpersistent");

    List<SourceFinding> findings = examined();

    assertThat(findings).extracting(SourceFinding::what).contains("vddk", "server", "machine");
    assertThat(findings)
        .filteredOn(finding -> !finding.good())
        .extracting(SourceFinding::text)
        .anySatisfy(text -> assertThat(text).contains("2001", "independent_nonpersistent"))
        .anySatisfy(text ->
            assertThat(text).contains("lacks VirtualMachine.State.RemoveSnapshot at the VM"))
        .anySatisfy(
            text -> assertThat(text).contains("lacks Datastore.Browse at datastore LocalDS"))
        .hasSize(3);
  }
}
