package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter.Vm;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Restore points that go back to VMs of a vCenter. */
class VsphereRestoreIT extends VsphereTest {

  @Test
  void restorePointGoesBackOntoTheDisksOfAVm() throws Exception {
    Vm web = machine("web", true, "", 4 * MIB, MIB + 512);
    write(web);
    JsonNode point = backup();
    String id = point.get("backup_id").asString();
    write(web);

    assertThat(refused(id, "web", 5)).contains("web", "is not off");
    vcenter.power(web, "suspended");
    assertThat(refused(id, "web", 5)).contains("is not off");
    vcenter.power(web, "on");
    vcenter.power(web, "off");
    assertOtherMachinesAreRefused(id);
    assertThat(refused(4, "restore", id, "--onto-vm", "web", "--holds", "backup-none"))
        .contains("backup-none");
    assertThat(refused(2, "restore", id, "--onto-vm", "web", "--holds", id, "--differential"))
        .contains("either");
    assertThat(vcenter.calls("ReconfigVM_Task")).as("nothing was changed").isZero();

    program.succeed("restore", id, "--onto-vm", "web");

    assertHoldsAll(web, point);
    assertThat(vcenter.servers()).isEmpty();
    assertThat(vcenter.openSessions()).isZero();
    assertThat(Tool.run("ls", folder.resolve("home/run").toString())).doesNotContain("nbd-");
    vcenter.power(web, "on");
    JsonNode next = backup();
    assertThat(next.get("disks").get(0).get("reason").asString())
        .as("change tracking does not see what was restored")
        .isEqualTo("CBT_RESET");

    vcenter.power(web, "off");
    vcenter.write(web, 2000, random, 9);
    program.succeed("restore", id, "--onto-vm", "web", "--disk", "0", "--differential");
    assertHoldsAll(web, point);
  }

  @Test
  void restoreOntoAVmGoesOnWhereItsServerOrItsCommandDied() throws Exception {
    Vm web = machine("web", true, "", 6 * MIB, MIB + 512);
    write(web);
    JsonNode point = backup();
    write(web);
    vcenter.power(web, "off");
    vcenter.power(machine("other", true, "", 6 * MIB, MIB + 512), "off");

    String task = brokenRestore(point.get("backup_id").asString());
    assertThat(refused(2, "relaunch", task)).contains("relaunch " + task + " --onto-vm VM");
    assertThat(refused(1, "relaunch", task, "--onto-vm", "other"))
        .contains("is not written onto disk");

    vcenter.writeDelay(2000, "20");
    Path output = folder.resolve("relaunch.txt");
    Process again = program.start(output, output, "relaunch", task, "--onto-vm", "web");
    await(again, () -> running(task).findFirst().orElse(""));
    again.destroyForcibly().waitFor();
    killed = true;
    byte[] mark = new byte[512];
    Arrays.fill(mark, (byte) 7);
    try (var file = new RandomAccessFile(vcenter.live(web, 2001).toFile(), "rw")) {
      file.write(mark);
    }
    vcenter.writeDelay(2000, "");
    program.succeed("relaunch", task, "--onto-vm", "web");

    assertHolds(web, point.get("disks").get(0));
    try (var file = Files.newInputStream(vcenter.live(web, 2001))) {
      assertThat(file.readNBytes(512)).as("not written twice").isEqualTo(mark);
    }
    assertThat(vcenter.servers()).isEmpty();
    vcenter.power(web, "on");
    JsonNode next = backup();
    assertThat(next.get("disks").get(0).get("reason").asString()).isEqualTo("CBT_RESET");
  }

  /** As by a program of another database, which does not know of the restore. */
  @Test
  void trackingThatWasSwitchedOnMeanwhileBeginsAnew() throws Exception {
    Vm web = machine("web", true, "", 6 * MIB, MIB + 512);
    write(web);
    JsonNode point = backup();
    write(web);
    vcenter.power(web, "off");
    Path others = folder.resolve("others");
    Files.createDirectories(others.resolve("jobs"));
    Files.writeString(
        others.resolve("jobs/web.yaml"),
        Files.readString(folder.resolve("jobs/web.yaml"))
            .replace(folder.resolve("repository").toString(), others.resolve("r").toString()));
    Program other = new Program(others);
    vcenter.writeDelay(2000, "3");
    Path output = folder.resolve("restore.txt");
    Process restore = restoreOnto("web", point, output);

    JsonNode half = other.succeed("backup", "web", "--json").json();

    assertThat(restore.isAlive()).as("in the middle of it").isTrue();
    assertThat(restore.waitFor()).as(Files.readString(output)).isZero();
    vcenter.writeDelay(2000, "");
    JsonNode next = other.succeed("backup", "web", "--json").json();
    assertThat(next.get("disks").get(0).get("previous_change_id"))
        .isEqualTo(half.get("disks").get(0).get("change_id"));
    assertThat(next.get("disks").get(0).get("reason").asString()).isEqualTo("CBT_RESET");
    assertHoldsAll(web, next);
  }

  /** Also when the session has expired meanwhile, in which nothing is told of the VM. */
  @Test
  void machineThatWasSnapshottedMeanwhileIsTold() throws Exception {
    Vm web = machine("web", true, "", 2 * MIB);
    write(web);
    JsonNode point = backup();
    vcenter.power(web, "off");
    vcenter.writeDelay(2000, "1");
    Path output = folder.resolve("restore.txt");
    Process restore = restoreOnto("web", point, output);
    vcenter.control("snapshot", "vm", web.moref(), "name", "nightly");
    vcenter.control("expire");

    assertThat(restore.waitFor()).isEqualTo(1);
    assertThat(Files.readString(output))
        .contains("a snapshot that was made while", "nightly", "tracking is off");
    assertThat(vcenter.calls("ReconfigVM_Task")).as("off, and not on beside it").isEqualTo(1);
  }

  @Test
  void serverThatDidNotEndInOrderIsToldAlsoWhenTheVcenterIsAway() throws Exception {
    Vm web = machine("web", true, "", 2 * MIB);
    write(web);
    JsonNode point = backup();
    vcenter.power(web, "off");
    vcenter.writeDelay(2000, "3");
    Path output = folder.resolve("restore.txt");
    Process restore = restoreOnto("web", point, output);
    String server = await(restore, () -> server("2000.raw"));
    vcenter.control("fault", "method", "RetrievePropertiesEx", "status", "503", "count", "1000");
    ProcessHandle.of(Long.parseLong(server)).orElseThrow().destroyForcibly();

    assertThat(restore.waitFor()).isEqualTo(1);
    assertThat(Files.readString(output))
        .contains("nbdkit did not end in order for disks [2000]", "tracking could not be begun");
  }

  @Test
  void olderRestoreIsNotMixedWithANewerOne() throws Exception {
    Vm web = machine("web", true, "", 6 * MIB, MIB + 512);
    write(web);
    String older = backup().get("backup_id").asString();
    write(web);
    JsonNode newer = backup();
    vcenter.power(web, "off");
    String failed = brokenRestore(older);
    String since = newer.get("backup_id").asString();
    program.succeed("restore", since, "--onto-vm", "web");
    int changes = vcenter.calls("ReconfigVM_Task");

    assertThat(refused(1, "relaunch", failed, "--onto-vm", "web"))
        .contains(failed, "was begun since", "restore again");
    assertThat(refused(1, "relaunch", completed(), "--onto-vm", "web")).contains("is COMPLETED");
    assertThat(refused(4, "relaunch", "restore-none", "--onto-vm", "web")).contains("no such task");

    assertThat(vcenter.calls("ReconfigVM_Task")).as("nothing was changed").isEqualTo(changes);
    assertHoldsAll(web, newer);
  }

  /** The newest restore. */
  private String completed() throws Exception {
    JsonNode tasks = program.succeed("tasks", "--kind", "restore", "--json").json();
    return tasks.get(0).get("task_id").asString();
  }

  private JsonNode backup() throws Exception {
    return program.succeed("backup", "web", "--json").json();
  }

  /** Begins one whose first disk is cut off when it has begun. Returns the task's id. */
  private String brokenRestore(String id) throws Exception {
    vcenter.writeDelay(2000, "20");
    Path output = folder.resolve("restore.txt");
    Process restore = program.start(output, output, "restore", id, "--onto-vm", "web");
    String task = await(restore, () -> running("restore-").findFirst().orElse(""));
    String server = await(restore, () -> server("2000.raw"));
    ProcessHandle.of(Long.parseLong(server)).orElseThrow().destroyForcibly();
    assertThat(restore.waitFor()).as(Files.readString(output)).isEqualTo(1);
    assertThat(Files.readString(output)).contains("relaunch " + task + " --onto-vm web");
    vcenter.writeDelay(2000, "");
    return task;
  }

  @Test
  void machineThatIsGoneIsMadeAnew() throws Exception {
    Vm old = vcenter.vm("a/b 100%", 4 * MIB, MIB + 512);
    define("web", "a/b 100%", "");
    write(old);
    JsonNode point = backup();
    String id = point.get("backup_id").asString();
    String path = "/DC0/vm/a%2fb 100%25";
    String[] again = {"restore", id, "--onto-vm", "web", "--create-in", "/DC0/host/DC0_C0"};
    String identity = vcenter.control("find", "path", path).get("bios").asString();
    assertThat(refused(1, again)).contains(old.moref() + ") is there");
    vcenter.power(old, "off");
    vcenter.power(old, "gone");
    assertThat(refused(4, "restore", id, "--onto-vm", "web")).contains("no such VM");
    assertThat(refused(4, with(again, "/DC0/host/none"))).contains("/DC0/host/none is not there");
    assertThat(refused(1, with(again, "/DC0/vm"))).contains("expected one like /Datacenter/host");
    define("web", "path", "a", "");
    assertThat(refused(1, again)).contains("a is no path of a VM; expected one like");
    define("web", "a/b 100%", "");
    assertThat(refused(2, "restore", id, "--to", "x", "--create-in", "y")).contains("--onto-vm");
    vcenter.control("fault", "method", "CreateVM_Task", "fault", "NoPermission");
    assertThat(refused(1, again)).contains("NoPermission");

    program.succeed(again);

    JsonNode found = vcenter.control("find", "path", path);
    Vm made = new Vm(found.get("vm").asString(), path, found.get("uuid").asString(), old.keys());
    assertThat(made.moref()).isNotEqualTo(old.moref());
    assertThat(found.get("bios").asString()).as("as the guest knows itself").isEqualTo(identity);
    assertHoldsAll(made, point);
    vcenter.power(made, "on");
    JsonNode next = backup();
    assertThat(next.get("disks").get(0).get("level").asString()).isEqualTo("full");
    assertHoldsAll(made, next);
    assertThat(vcenter.servers()).isEmpty();
    assertThat(vcenter.openSessions()).isZero();
  }

  private static String[] with(String[] command, String last) {
    String[] other = command.clone();
    other[other.length - 1] = last;
    return other;
  }

  /** The process that serves a file. */
  private String server(String file) {
    return vcenter.servers().stream()
        .filter(line -> line.contains(file))
        .map(line -> line.strip().split(" ")[0])
        .findFirst()
        .orElse("");
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
    return refused(status, "restore", id, "--onto-vm", onto);
  }

  private String refused(int status, String... command) throws Exception {
    Program.Result result = program.run(command);
    assertThat(result.status()).as(result.errors()).isEqualTo(status);
    return result.errors();
  }
}
