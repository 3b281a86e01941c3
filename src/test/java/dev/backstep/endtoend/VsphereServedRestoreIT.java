package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.api.ServerProcess;
import dev.backstep.testing.Vcenter.Vm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Restores onto VMs of a vCenter that a command serves and a server writes. */
class VsphereServedRestoreIT extends VsphereTest {

  private ServerProcess server;

  @BeforeEach
  void serve() throws Exception {
    server = ServerProcess.start(folder, "home", Map.of());
  }

  @AfterEach
  void end() throws Exception {
    server.close();
  }

  /** Of a name that is no id as it is. */
  @Test
  void backupOfTheVmWaitsForTheRestore() throws Exception {
    String name = "production-database-server-frankfurt-rack-0012";
    Vm vm = machine(name, true, "", 4 * MIB);
    write(vm);
    JsonNode point = server.backup(name);
    write(vm);
    vcenter.power(vm, "off");
    vcenter.writeDelay(2000, "5");
    Path output = folder.resolve("restore.txt");
    Process restore = restoreOnto(name, point, output);

    String next = server.begin(name);

    String waiting = await(restore, () -> waitingFor(next));
    assertThat(waiting).contains(running("restore-").findFirst().orElseThrow());
    vcenter.writeDelay(2000, "");
    assertThat(restore.waitFor()).as(Files.readString(output)).isZero();
    JsonNode backup = server.awaitEnd(next);
    assertThat(backup.get("status").asString()).as(backup + "").isEqualTo("COMPLETED");
    assertThat(backup.get("disks").get(0).get("reason").asString()).isEqualTo("CBT_RESET");
    assertHoldsAll(vm, point);
  }

  /** The task has ended before, and the backup is what has waited for it. */
  @Test
  void backupBeginsWhenTheDisksAreLetGo() throws Exception {
    Vm web = machine("web", true, "", 2 * MIB);
    write(web);
    JsonNode point = server.backup("web");
    vcenter.power(web, "off");
    vcenter.writeDelay(2000, "2");
    vcenter.closeDelay("12");
    Path output = folder.resolve("restore.txt");
    Process restore = restoreOnto("web", point, output);
    vcenter.closeDelay("");
    String next = server.begin("web");

    assertThat(restore.waitFor()).as(Files.readString(output)).isZero();

    JsonNode backup = server.awaitEnd(next);
    assertThat(backup.get("status").asString()).as(backup + "").isEqualTo("COMPLETED");
    assertThat(backup.get("disks").get(0).get("reason").asString()).isEqualTo("CBT_RESET");
    assertThat(vcenter.calls("ReconfigVM_Task")).as("tracking off, and on again").isEqualTo(2);
  }

  private String waitingFor(String backup) {
    JsonNode now = ServerProcess.json(server.get("/api/v1/backups/" + backup), 200);
    assertThat(now.get("status").asString()).as(now + "").isEqualTo("QUEUED");
    return now.path("waiting_for").asString("");
  }
}
