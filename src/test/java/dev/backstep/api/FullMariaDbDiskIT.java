package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The disk under MariaDB is full: a table cannot grow any more, sooner or later any of them. */
class FullMariaDbDiskIT {

  private static final int BACKUPS_MAX = 150;
  private static final String BACKUPS = "/api/v1/backups";

  @TempDir Path folder;

  private Path data;
  private Path disk;
  private MariaDbServer database;
  private ServerProcess server;

  @BeforeEach
  void serve() throws Exception {
    data = Files.createDirectory(folder.resolve("mariadb"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=512M", "none", data);
    database = MariaDbServer.startOn(data);
    disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "8M");
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        "vm: vm\nsource: { type: image, disks: [ { key: a, path: %s } ] }\nrepository: %s\n"
            .formatted(disk, folder.resolve("repository")));
    server = ServerProcess.start(folder, "home", database.newDatabase());
  }

  @AfterEach
  void stop() throws Exception {
    try {
      if (server != null) {
        server.process().destroy();
        assertThat(server.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
      }
    } finally {
      database.kill();
      Tool.run("umount", data);
    }
  }

  private Path fill() throws IOException {
    Path ballast = data.resolve("ballast");
    long free = Files.getFileStore(data).getUsableSpace();
    Tool.run("fallocate", "-l", String.valueOf(free), ballast);
    return ballast;
  }

  @Test
  void noBackupIsHalfAndAllGoesOnOnceThereIsRoom() throws Exception {
    String first = server.backup("vm").get("backup_id").asString();
    Path ballast = fill();
    List<String> accepted = new ArrayList<>();
    String trouble = untilItFails(accepted);

    assertThat(trouble).contains("is full");

    Files.delete(ballast);
    accepted.add(first);
    for (String id : accepted) {
      server.awaitEnd(id);
    }
    JsonNode after = server.backup("vm");
    assertThat(after.get("status").asString()).as(after.toString()).isEqualTo("COMPLETED");
    for (String id : accepted) {
      JsonNode backup = json(server.get(BACKUPS + "/" + id), 200);
      assertThat(backup.get("status").asString()).isIn("COMPLETED", "FAILED");
      if (backup.get("status").asString().equals("COMPLETED")) {
        Tool.checkImage(Path.of(disks(backup).getFirst().get("image").asString()));
      }
    }
    assertThat(json(server.get("/api/v1/executions/stuck"), 200).get("stuck")).isEmpty();
    Tool.compare(Path.of(disks(after).getFirst().get("image").asString()), "qcow2", disk, "qcow2");
  }

  /** What is said of the first one that the database has no room for. */
  private String untilItFails(List<String> accepted) throws Exception {
    for (int i = 0; i < BACKUPS_MAX; i++) {
      HttpResponse<String> asked = server.post(BACKUPS, "{\"vm_name\":\"vm\"}");
      if (asked.statusCode() != 202) {
        return asked.body();
      }
      String id = json(asked, 202).get("backup_id").asString();
      accepted.add(id);
      String status = "";
      for (int n = 0; n < 300 && !status.equals("COMPLETED"); n++) {
        JsonNode now = json(server.get(BACKUPS + "/" + id), 200);
        status = now.get("status").asString();
        if (status.equals("FAILED")) {
          return now.get("error").asString();
        }
        Thread.sleep(20);
      }
      if (!status.equals("COMPLETED")) {
        return "hangs: " + json(server.get(BACKUPS + "/" + id), 200);
      }
    }
    throw new AssertionError("all were completed");
  }
}
