package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter.Vm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Replication of VMs of a vCenter: standing targets, by VMware's own change ids. */
class VsphereReplicateIT extends VsphereTest {

  @Test
  void targetsFollowAVmBesideItsBackups() throws Exception {
    Path standby = folder.resolve("standby");
    Vm web = machine("web", true, "replicate: { folder: " + standby + " }\n", 4 * MIB, MIB + 512);
    write(web);

    JsonNode first = replicated(standby);
    write(web);
    JsonNode backup = program.succeed("backup", "web", "--json").json();
    write(web);
    JsonNode second = replicated(standby);
    vcenter.control("reset", "vm", web.moref(), "key", "2001");
    write(web);
    JsonNode third = replicated(standby);

    assertThat(first.get("disks").get(0).get("reason").asString()).isEqualTo("NO_BASELINE");
    for (JsonNode disk : second.get("disks")) {
      assertThat(disk.get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
      assertThat(disk.get("change_id")).isNotEqualTo(disk.get("previous_change_id"));
    }
    assertThat(second.get("disks").get(0).get("previous_change_id"))
        .as("the replication asks by its own change id, not the backup's")
        .isEqualTo(first.get("disks").get(0).get("change_id"))
        .isNotEqualTo(backup.get("disks").get(0).get("change_id"));
    assertThat(third.get("disks").get(0).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    assertThat(third.get("disks").get(1).get("reason").asString()).isEqualTo("CBT_RESET");
    assertThat(vcenter.snapshots(web)).isEmpty();
    assertThat(vcenter.servers()).isEmpty();
    assertThat(vcenter.openSessions()).isZero();
  }

  @Test
  void killedRunIsGoneOnWithFromTheSameSnapshotAlsoOntoAnExport() throws Exception {
    Path standby = folder.resolve("standby");
    Path export = folder.resolve("export.raw");
    Path socket = folder.resolve("t.sock");
    String uri = "nbd+unix:///?socket=" + socket;
    Tool.run("truncate", "-s", "4M", export);
    Process target =
        new ProcessBuilder("qemu-nbd", "-f", "raw", "-k", socket + "", "-t", export + "").start();
    try {
      await(target, () -> Files.exists(socket) ? "there" : "");
      String to = "replicate: { folder: %s, to: { \"2000\": \"%s\" } }\n";
      Vm web = machine("web", true, to.formatted(standby, uri), 4 * MIB, MIB + 512);
      write(web);
      program.succeed("replicate", "web");
      write(web);

      killInTheMiddle();
      int made = vcenter.calls("CreateSnapshot_Task");
      JsonNode task = program.succeed("tasks", "--kind", "replicate", "--json").json().get(0);
      assertThat(task.get("status").asString()).isEqualTo("FAILED");
      String id = task.get("task_id").asString();
      JsonNode run = program.succeed("relaunch", id, "--json").json();

      assertThat(run.get("status").asString()).isEqualTo("COMPLETED");
      assertThat(vcenter.calls("CreateSnapshot_Task")).as("the same snapshot").isEqualTo(made);
      for (JsonNode held : program.succeed("replications", "--json").json()) {
        assertThat(held.get("state").asString()).isEqualTo("whole");
      }
      Path frozen = vcenter.frozen(frozen().getLast(), "2000");
      Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, frozen);
      assertHoldsNewest(standby, "2001");
    } finally {
      target.destroyForcibly().waitFor();
    }
  }

  private void killInTheMiddle() throws Exception {
    vcenter.readDelay("1500ms");
    Path output = folder.resolve("run.txt");
    Process run = program.start(output, output, "replicate", "web");
    await(run, () -> vcenter.servers().stream().findFirst().orElse(""));
    Thread.sleep(500);
    run.destroyForcibly().waitFor();
    killed = true;
    vcenter.readDelay("");
  }

  /** What a verified run tells; the targets are what the vCenter froze for it. */
  private JsonNode replicated(Path standby) throws Exception {
    JsonNode run = program.succeed("replicate", "web", "--verify", "--json").json();
    assertThat(run.get("status").asString()).isEqualTo("COMPLETED");
    assertHoldsNewest(standby, "2000");
    assertHoldsNewest(standby, "2001");
    return run;
  }

  private void assertHoldsNewest(Path standby, String key) throws IOException {
    Tool.run("cmp", vcenter.frozen(frozen().getLast(), key), standby.resolve(key + ".raw"));
  }
}
