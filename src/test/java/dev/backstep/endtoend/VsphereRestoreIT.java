package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter.Vm;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Restore points that go back to VMs of a vCenter. */
class VsphereRestoreIT extends VsphereTest {

  @Test
  void restorePointGoesBackOntoTheDisksOfAVm() throws Exception {
    Vm web = machine("web", true, "", 4 * MIB, MIB + 512);
    write(web);
    JsonNode point = program.succeed("backup", "web", "--json").json();
    String id = point.get("backup_id").asString();
    write(web);

    assertThat(refused(id, "web", 5)).contains("web", "is not off");
    vcenter.power(web, "suspended");
    assertThat(refused(id, "web", 5)).contains("is not off");
    vcenter.power(web, "on");
    vcenter.power(web, "off");
    assertOtherMachinesAreRefused(id);
    assertThat(vcenter.calls("ReconfigVM_Task")).as("nothing was changed").isZero();

    program.succeed("restore", id, "--onto-vm", "web");

    assertHolds(web, point);
    assertThat(vcenter.servers()).isEmpty();
    assertThat(vcenter.openSessions()).isZero();
    assertThat(Tool.run("ls", folder.resolve("home/run").toString())).doesNotContain("nbd-");
    vcenter.power(web, "on");
    JsonNode next = program.succeed("backup", "web", "--json").json();
    assertThat(next.get("disks").get(0).get("reason").asString())
        .as("change tracking does not see what was restored")
        .isEqualTo("CBT_RESET");

    vcenter.power(web, "off");
    vcenter.write(web, 2000, random, 9);
    program.succeed("restore", id, "--onto-vm", "web", "--disk", "0", "--differential");
    assertHolds(web, point);
  }

  private void assertOtherMachinesAreRefused(String id) throws Exception {
    Vm snapshotted = machine("snapshotted", true, "", 4 * MIB, MIB + 512);
    vcenter.control("snapshot", "vm", snapshotted.moref(), "name", "before the update");
    vcenter.power(snapshotted, "off");
    assertThat(refused(id, "snapshotted", 5)).contains("before the update");

    Vm other = machine("other", true, "", 4 * MIB + 512);
    vcenter.power(other, "off");
    assertThat(refused(id, "other", 1))
        .contains("has 4194816 bytes", "has 4194304", "has no disk 2001");

    vcenter.control("deny", "privilege", "VirtualMachine.Provisioning.DiskRandomAccess");
    assertThat(refused(id, "web", 1)).contains("lacks VirtualMachine.Provisioning.Disk");
    vcenter.control("calm");

    Files.writeString(
        folder.resolve("jobs/file.yaml"),
        "vm: file\nsource: { type: image, disks: [ { key: vda, path: /x } ] }\nrepository: /r\n");
    assertThat(refused(id, "file", 2)).contains("expected vsphere");
  }

  private String refused(String id, String onto, int status) throws Exception {
    Program.Result result = program.run("restore", id, "--onto-vm", onto);
    assertThat(result.status()).as(result.errors()).isEqualTo(status);
    return result.errors();
  }

  private void assertHolds(Vm vm, JsonNode point) {
    for (JsonNode disk : point.get("disks")) {
      Path image = Path.of(disk.get("image").asString());
      int key = Integer.parseInt(disk.get("disk_key").asString());
      Tool.compare(image, "qcow2", vcenter.live(vm, key), "raw");
    }
  }
}
