package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.job.external.TestDisks;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Movers that copy the bytes themselves, against a server process over HTTP. */
class ExternalApiIT {

  private static final String BACKUPS = "/api/v1/backups";

  @TempDir static Path folder;

  private static ServerProcess server;

  private String vm;
  private TestDisks disks;

  @BeforeAll
  static void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    server = ServerProcess.start(folder, "home", Map.of());
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  @BeforeEach
  void makeMachine(TestInfo test) throws IOException {
    vm = test.getTestMethod().orElseThrow().getName();
    Path own = Files.createDirectory(folder.resolve(vm));
    disks = new TestDisks(own, vm.hashCode(), 4 << 20, (4 << 20) + 512);
    Files.writeString(folder.resolve("jobs/" + vm + ".yaml"), disks.definition(vm));
    disks.live(0);
    disks.live(1);
  }

  private String request(String more) {
    return "{\"vm_name\":\"" + vm + "\",\"mover\":\"external\"" + more + "}";
  }

  private JsonNode begin() {
    return json(server.post(BACKUPS, request(",\"export\":true")), 202);
  }

  private static String id(JsonNode backup) {
    return backup.get("backup_id").asString();
  }

  private static HttpResponse<String> complete(String id, int disk, String change) {
    return server.post(
        BACKUPS + "/" + id + "/complete",
        "{\"change_id\":\"%s\",\"disk_id\":%d,\"bytes_transferred\":4096}".formatted(change, disk));
  }

  private void copy(JsonNode disk) {
    disks.copyAll(disk.get("disk_id").asInt(), disk.get("export").asString());
  }

  @Test
  void answerSaysWhereTheBytesOfEachDiskGo() throws Exception {
    JsonNode backup = begin();

    assertThat(backup.get("status").asString()).isEqualTo("RUNNING");
    assertThat(backup.get("silent_until").asString()).isNotEmpty();
    for (JsonNode disk : disks(backup)) {
      assertThat(disk.get("disk_id").isNumber()).isTrue();
      assertThat(disk.get("backup_id")).isEqualTo(disk.get("id"));
      assertThat(Path.of(disk.get("image").asString())).exists();
      assertThat(disk.get("backing_image").isNull()).isTrue();
      assertThat(disk.get("level").asString()).isEqualTo("full");
      assertThat(disk.get("reason").asString()).isEqualTo("NO_BASELINE");
      assertThat(disk.get("previous_change_id").isNull()).isTrue();
      assertThat(disk.get("virtual_size").asLong())
          .isEqualTo(Files.size(disks.file(disk.get("disk_id").asInt())));
      assertThat(disk.get("export").asString()).startsWith("nbd+unix://");
      assertThat(disk.get("interruptions").asInt()).isZero();
    }
    assertProblem(server.post(BACKUPS, request("")), 409, id(backup));
    assertProblem(server.post(BACKUPS, "{\"vm_name\":\"" + vm + "\"}"), 409, id(backup));
    server.post(BACKUPS + "/" + id(backup) + "/stop", "");
  }

  @Test
  void completionsAreRepeatedContradictedAndOfUnknownDisks() throws Exception {
    JsonNode backup = begin();
    copy(disks(backup).getFirst());
    copy(disks(backup).get(1));
    String id = id(backup);

    JsonNode first = json(complete(id, 0, "first"), 200);
    assertThat(json(complete(id, 0, "first"), 200).get("disks")).isEqualTo(first.get("disks"));
    assertProblem(complete(id, 0, "second"), 409, "first", "second");
    assertProblem(complete(id, 7, "first"), 404, "no disk 7");
    assertProblem(complete("backup-nobody", 0, "first"), 404, "backup-nobody");
    assertThat(json(server.get(BACKUPS + "/" + id), 200).get("status").asString())
        .isEqualTo("RUNNING");
    String other = disks(backup).get(1).get("backup_id").asString();
    assertProblem(complete(other, 0, "first"), 400, "disk 1");
    json(complete(other, 1, "other"), 200);

    JsonNode done = json(server.get(BACKUPS + "/" + id), 200);
    assertThat(done.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(json(complete(id, 0, "first"), 200).get("status").asString()).isEqualTo("COMPLETED");
    assertThat(json(server.get(BACKUPS + "/" + id), 200)).isEqualTo(done);
    assertProblem(complete(id, 1, "first"), 409, "other");
    assertProblem(server.post(BACKUPS + "/" + id + "/keep-alive", ""), 409, "COMPLETED");
  }

  @Test
  void moverThatWritesTheImageItself() throws Exception {
    JsonNode backup = json(server.post(BACKUPS, request("")), 202);

    for (JsonNode disk : disks(backup)) {
      int number = disk.get("disk_id").asInt();
      assertThat(disk.get("export").isNull()).isTrue();
      Tool.run(
          "qemu-img",
          "convert",
          "-n",
          "-f",
          "raw",
          "-O",
          "qcow2",
          disks.file(number),
          disk.get("image").asString());
      json(complete(id(backup), number, "c" + number), 200);
    }

    for (JsonNode disk : disks(json(server.get(BACKUPS + "/" + id(backup)), 200))) {
      Path image = Path.of(disk.get("image").asString());
      Tool.compare(image, "qcow2", disks.file(disk.get("disk_id").asInt()), "raw");
    }
  }

  @Test
  void keepAliveNamesTheExportsAndWhatIsNotTheImageIsRefused() throws Exception {
    JsonNode backup = json(server.post(BACKUPS, request("")), 202);
    JsonNode disk = disks(backup).getFirst();
    JsonNode alive = json(server.post(BACKUPS + "/" + id(backup) + "/keep-alive", ""), 200);
    assertThat(disks(alive)).isEqualTo(disks(backup));
    Files.write(Path.of(disk.get("image").asString()), new byte[512]);

    assertProblem(complete(id(backup), 0, "c"), 409, disk.get("id").asString());

    JsonNode now = json(server.get(BACKUPS + "/" + id(backup)), 200);
    assertThat(disks(now).getFirst().get("change_id").isNull()).isTrue();
    server.post(BACKUPS + "/" + id(backup) + "/stop", "");
  }

  @Test
  void diskThatAStepWritesIsNotAMovers() throws Exception {
    Path socket = folder.resolve("slow.sock");
    Process slow =
        new ProcessBuilder(
                "nbdkit",
                "-f",
                "-U",
                socket.toString(),
                "--filter=rate",
                "pattern",
                "64M",
                "rate=200M")
            .start();
    try {
      Files.writeString(
          folder.resolve("jobs/slow.yaml"),
          """
          vm: slow
          source:
            type: nbd
            disks:
              - { key: a, uri: "nbd+unix:///?socket=%s" }
          repository: %s
          """
              .formatted(socket, folder.resolve("slow-repository")));
      String id = server.begin("slow");
      for (int i = 0; i < 200 && !running(id); i++) {
        Thread.sleep(50);
      }

      assertProblem(complete(id, 0, "c"), 409, "copied by this program");
      assertProblem(server.post(BACKUPS + "/" + id + "/keep-alive", ""), 409, "this program");

      server.post(BACKUPS + "/" + id + "/stop", "");
      assertThat(server.awaitEnd(id).get("status").asString()).isEqualTo("STOPPED");
    } finally {
      slow.destroy();
    }
  }

  private static boolean running(String id) {
    List<JsonNode> disks = disks(json(server.get(BACKUPS + "/" + id), 200));
    return !disks.isEmpty() && disks.getFirst().get("status").asString().equals("RUNNING");
  }

  @Test
  void wrongBodiesAreRefusedByName() {
    assertProblem(
        server.post(BACKUPS, "{\"vm_name\":\"" + vm + "\",\"mover\":\"me\"}"), 400, "internal");
    assertProblem(
        server.post(BACKUPS, "{\"vm_name\":\"" + vm + "\",\"export\":true}"), 400, "mover");
    assertProblem(server.post(BACKUPS, request(",\"export\":1")), 400, "export");
    assertProblem(server.post(BACKUPS, request(",\"disks\":{}")), 400, "disks");
    assertProblem(server.post(BACKUPS, request(",\"disks\":[{\"key\":1}]")), 400, "key");
    assertProblem(
        server.post(BACKUPS, request(",\"disks\":[{\"disk_key\":\"nobody\"}]")), 400, "nobody");
    assertProblem(
        server.post(BACKUPS, request(",\"snapshot_taken_at\":\"now\"")), 400, "snapshot_taken_at");
    assertProblem(
        server.post(BACKUPS, request(",\"backup_type\":\"incremental\",\"strict\":true")),
        422,
        "NO_BASELINE");
    String complete = BACKUPS + "/backup-x/complete";
    assertProblem(server.post(complete, "{\"disk_id\":0}"), 400, "change_id");
    assertProblem(server.post(complete, "{\"change_id\":\"c\",\"disk_id\":\"0\"}"), 400, "disk_id");
    assertProblem(server.post(complete, "{\"change_id\":\"c\",\"disk_id\":-1}"), 400, "disk_id");
    assertProblem(
        server.post(complete, "{\"change_id\":\"c\",\"disk_id\":99999999999}"), 400, "too large");
    assertProblem(
        server.post(complete, "{\"change_id\":\"c\",\"disk_id\":0,\"bytes_transferred\":0.5}"),
        400,
        "bytes_transferred");
    assertProblem(server.post(complete, "{\"change_id\":7,\"disk_id\":0}"), 400, "change_id");
    assertProblem(server.post(complete, "{\"change_id\":\"c\",\"disk\":0}"), 400, "disk");
    assertProblem(
        server.post(complete, "{\"change_id\":\"" + "x".repeat(9000) + "\",\"disk_id\":0}"),
        400,
        "change_id");
    assertThat(json(server.get(BACKUPS + "?vm_name=" + vm), 200).get("backups")).isEmpty();
  }
}
