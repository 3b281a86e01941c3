package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.endtoend.Program;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * What a killed command has left in a database that a server has open, put right by requests. No
 * server goes on with a command's backup by itself.
 */
class LeftBehindIT {

  private static final String BACKUPS = "/api/v1/backups/";
  private static final String EXECUTIONS = "/api/v1/executions";
  private static final int DISK_MIB = 96;

  /** Several chunks, so that one of them is surely forced. */
  private static final long MIDDLE_BYTES = 40L << 20;

  @TempDir Path folder;

  private final Map<String, String> database = MariaDbServer.shared().newDatabase();
  private Process disk;
  private ServerProcess server;

  @BeforeEach
  void serve() throws Exception {
    serveDisk(true);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source: { type: nbd, disks: [ { key: a, uri: "nbd+unix:///?socket=%s", snapshot: stable } ] }
        repository: %s
        """
            .formatted(socket(), folder.resolve("repository")));
    server = ServerProcess.start(folder, "server", database);
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    disk.destroy();
  }

  private void serveDisk(boolean slowly) throws Exception {
    List<String> command = new ArrayList<>(List.of("nbdkit", "-f", "-U", socket().toString()));
    if (slowly) {
      command.add("--filter=rate");
    }
    command.addAll(List.of("random", DISK_MIB + "M", "seed=7"));
    if (slowly) {
      command.add("rate=80M");
    }
    disk =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    while (!Files.exists(socket())) {
      assertThat(disk.isAlive()).as("nbdkit").isTrue();
      Thread.sleep(5);
    }
  }

  private Path socket() {
    return folder.resolve("disk.sock");
  }

  /** The disk gives its bytes quickly from now on; nobody may be reading it. */
  private void hasten() throws Exception {
    disk.destroyForcibly().waitFor();
    Files.deleteIfExists(socket());
    serveDisk(false);
  }

  /** Kills a command in the middle of its backup, whose id is returned. */
  private String leaveBehind() throws Exception {
    Process command =
        new Program(folder, database)
            .start(folder.resolve("out"), folder.resolve("err"), "backup", "vm");
    try {
      String id = awaitMiddle(command);
      assertThat(id).isNotEmpty();
      return id;
    } finally {
      command.destroyForcibly().waitFor();
    }
  }

  private String awaitMiddle(Process command) throws InterruptedException {
    for (int i = 0; i < 1200 && command.isAlive(); i++) {
      Thread.sleep(50);
      for (JsonNode row : json(server.get(EXECUTIONS + "/running"), 200).get("running")) {
        String id = row.get("backup_id").asString();
        List<JsonNode> now = disks(json(server.get(BACKUPS + id), 200));
        if (!now.isEmpty() && now.getFirst().path("bytes_read").asLong() >= MIDDLE_BYTES) {
          return id;
        }
      }
    }
    return "";
  }

  private long execution(String backup) {
    return json(server.get(EXECUTIONS + "?backup_id=" + backup), 200)
        .get("executions")
        .get(0)
        .get("execution_id")
        .asLong();
  }

  private List<Path> images() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return files.filter(file -> file.toString().contains(".qcow2")).toList();
    }
  }

  private boolean isStuck(String backup) {
    for (JsonNode row : json(server.get(EXECUTIONS + "/stuck"), 200).get("stuck")) {
      if (backup.equals(row.get("backup_id").asString(""))) {
        return true;
      }
    }
    return false;
  }

  @Test
  void recoveredByItsExecutionItGoesOnWhereItWas() throws Exception {
    String id = leaveBehind();
    long execution = execution(id);

    JsonNode recovered = json(server.post(BACKUPS + execution + "/recover", "{}"), 202);

    assertThat(recovered.get("backup_id").asString()).isEqualTo(id);
    assertThat(recovered.get("status").asString()).isEqualTo("FAILED");
    assertThat(recovered.get("error").asString()).contains("process that ran it", "relaunch");
    assertThat(server.executions(id)).containsExactly("FAILED");
    assertThat(json(server.get(EXECUTIONS + "/running"), 200).get("running")).isEmpty();
    assertThat(isStuck(id)).isFalse();
    assertThat(images()).as("what a relaunch needs").isNotEmpty();

    hasten();
    json(server.post(BACKUPS + id + "/relaunch", "{}"), 202);
    JsonNode done = server.awaitCompleted(id);
    server.awaitExecutionEnd(id);
    assertThat(server.executions(id)).containsExactly("COMPLETED", "FAILED");
    assertThat(disks(done).getFirst().get("bytes_read").asLong())
        .as("gone on with")
        .isLessThan(((long) DISK_MIB << 20) + MIDDLE_BYTES);
    Path image = Path.of(disks(done).getFirst().get("image").asString());
    Tool.checkImage(image);
    Tool.compareWithExport(image, socket());
    assertProblem(server.post(BACKUPS + id + "/recover", "{}"), 409, "COMPLETED");
    assertProblem(server.post(BACKUPS + id + "/abandon", "{}"), 409, "COMPLETED");
  }

  /** As after a commit that the database never answered. */
  private void forgetTheEnd(long execution) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.get("BACKSTEP_DB_URL"), "root", "");
        var statement =
            connection.prepareStatement(
                "update BATCH_JOB_EXECUTION set STATUS = 'UNKNOWN' where JOB_EXECUTION_ID = ?")) {
      statement.setLong(1, execution);
      assertThat(statement.executeUpdate()).isEqualTo(1);
    }
  }

  @Test
  void abandonedItLeavesNothingAndMakesRoomForTheNext() throws Exception {
    String id = leaveBehind();
    long execution = execution(id);
    json(server.post(BACKUPS + id + "/recover", "{}"), 202);
    forgetTheEnd(execution);
    assertThat(isStuck(id)).isTrue();
    json(server.post(BACKUPS + execution + "/recover?force=true", "{}"), 202);
    assertThat(server.executions(id)).containsExactly("FAILED");
    assertThat(isStuck(id)).isFalse();

    JsonNode abandoned = json(server.post(BACKUPS + execution + "/abandon", "{}"), 202);

    assertThat(abandoned.get("backup_id").asString()).isEqualTo(id);
    assertThat(abandoned.get("status").asString()).isEqualTo("ABANDONED");
    assertThat(disks(abandoned)).allMatch(row -> row.get("change_id").isNull());
    assertThat(server.executions(id)).containsExactly("ABANDONED");
    assertThat(images()).isEmpty();
    for (String verb : List.of("relaunch", "abandon", "recover", "stop")) {
      assertProblem(server.post(BACKUPS + id + "/" + verb, "{}"), 409, "ABANDONED");
    }

    hasten();
    JsonNode next = server.backup("vm");
    assertThat(next.get("status").asString()).as(next.toString()).isEqualTo("COMPLETED");
    assertThat(next.get("backup_id").asString()).isNotEqualTo(id);
    assertThat(disks(next).getFirst().get("reason").asString()).isEqualTo("NO_BASELINE");
  }
}
