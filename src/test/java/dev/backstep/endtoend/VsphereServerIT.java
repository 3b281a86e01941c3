package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.api.ServerProcess;
import dev.backstep.testing.Vcenter.Vm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** A server beside a vCenter, which knows better than the catalog what disks a VM has. */
class VsphereServerIT extends VsphereTest {

  private static final String STRICT =
      "{\"vm_name\":\"web\",\"backup_type\":\"incremental\",\"strict\":true}";

  @Test
  void strictIncrementalIsRefusedForADiskThatNoBackupHasSeenYet() throws Exception {
    String leftOut = "exclude: [\"2001\"]\n";
    Vm vm = machine("web", true, leftOut, 4 * MIB, 4 * MIB);
    write(vm);
    Path definition = folder.resolve("jobs/web.yaml");
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      JsonNode first = server.backup("web");
      JsonNode strict = ServerProcess.json(server.post("/api/v1/backups", STRICT), 202);
      JsonNode second = server.awaitEnd(strict.get("backup_id").asString());
      Files.writeString(definition, Files.readString(definition).replace(leftOut, ""));

      JsonNode problem = ServerProcess.json(server.post("/api/v1/backups", STRICT), 422);
      JsonNode third = server.backup("web");

      assertThat(first.get("status").asString()).as(first.toString()).isEqualTo("COMPLETED");
      assertThat(second.get("disks").get(0).get("level").asString()).isEqualTo("incremental");
      assertThat(problem.get("detail").asString()).contains("NO_BASELINE", "[2001]");
      assertThat(third.get("disks").get(1).get("reason").asString()).isEqualTo("NEW_DISK");
    }
  }
}
