package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter.Vm;
import java.io.IOException;
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

  /** What a verified run tells; the targets are what the vCenter froze for it. */
  private JsonNode replicated(Path standby) throws Exception {
    JsonNode run = program.succeed("replicate", "web", "--verify", "--json").json();
    assertThat(run.get("status").asString()).isEqualTo("COMPLETED");
    assertHoldNewest(standby);
    return run;
  }

  private void assertHoldNewest(Path standby) throws IOException {
    for (String key : new String[] {"2000", "2001"}) {
      Tool.run(
          "cmp",
          vcenter.frozen(frozen().getLast(), key).toString(),
          standby.resolve(key + ".raw").toString());
    }
  }
}
