package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.job.external.TestDisks;
import dev.backstep.testing.Tool;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Replications over HTTP: of the server, by its schedule, and of programs outside. */
class ReplicationApiIT {

  private static final String PATH = "/api/v1/replications";

  @TempDir static Path folder;

  private static TestDisks disks;
  private static ServerProcess server;

  @BeforeAll
  static void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    disks = new TestDisks(Files.createDirectory(folder.resolve("vm")), 5, 4 << 20, 2 << 20);
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        disks.definition("web") + "replicate: { folder: " + folder.resolve("standby") + " }\n");
    TestDisks other = new TestDisks(Files.createDirectory(folder.resolve("nightly")), 6, 1 << 20);
    Files.writeString(
        folder.resolve("jobs/nightly.yaml"),
        other.definition("nightly")
            + "replicate: { folder: "
            + folder.resolve("nightly-standby")
            + ", schedule: { cron: \"0/2 * * * * ?\" } }\n");
    server = ServerProcess.start(folder, "home", Map.of());
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  private static JsonNode changeId(String vmPath, String disk) {
    return json(
        server.get(PATH + "/changeid?vm_path=" + vmPath.replace("/", "%2F") + "&disk_id=" + disk),
        200);
  }

  private static HttpResponse<String> complete(String job, String disk, String changeId) {
    return server.post(
        PATH + "/" + job + "/changeid",
        "{\"disk_id\":\"" + disk + "\",\"change_id\":\"" + changeId + "\"}");
  }

  private static HttpResponse<String> external(String vmPath, String more) {
    return server.post(PATH, "{\"mover\":\"external\",\"vm_path\":\"" + vmPath + "\"" + more + "}");
  }

  private static JsonNode awaitEnd(String run) throws InterruptedException {
    JsonNode now = json(server.get(PATH + "/" + run), 200);
    for (int i = 0; i < 600 && now.get("status").asString().equals("RUNNING"); i++) {
      Thread.sleep(100);
      now = json(server.get(PATH + "/" + run), 200);
    }
    return now;
  }

  @Test
  void serverReplicatesAndBackupsKeepTheirChangeIds() throws Exception {
    disks.live(0);
    server.backup("web");
    JsonNode ofBackup = json(server.get("/api/v1/backups/changeid?vm_name=web"), 200);

    JsonNode begun = json(server.post(PATH, "{\"vm_name\":\"web\",\"verify\":true}"), 202);
    JsonNode done = awaitEnd(begun.get("job_id").asString());

    assertThat(done.get("status").asString()).as("%s", done).isEqualTo("COMPLETED");
    for (int i = 0; i < 2; i++) {
      Tool.compare(folder.resolve("standby/k" + i + ".raw"), "raw", disks.file(i), "raw");
    }
    assertThat(json(server.get("/api/v1/backups/changeid?vm_name=web"), 200)).isEqualTo(ofBackup);
    JsonNode held = changeId("web", "disk-k0");
    assertThat(held.get("job_id")).isEqualTo(begun.get("job_id"));
    assertThat(held.get("message").asString()).contains("tracked no changes");
    assertThat(json(server.get("/api/v1/tasks?kind=replicate"), 200).get("tasks").isEmpty())
        .isFalse();
    assertProblem(server.post(PATH, "{\"vm_name\":\"nobody\"}"), 404, "nobody");
    assertProblem(server.post(PATH, "{\"vm_name\":\"web\",\"level\":\"half\"}"), 400, "half");
    assertProblem(
        complete(begun.get("job_id").asString(), "disk-k0", "mine"), 409, "completed with");
    assertProblem(external("web", ",\"disks\":[\"disk-k0\"]"), 409, "this program");
    String viewer =
        json(server.post("/api/v1/tokens", "{\"name\":\"see\",\"role\":\"viewer\"}"), 201)
            .get("token")
            .asString();
    HttpResponse<String> refused =
        ServerProcess.send(
            server
                .request(PATH)
                .setHeader("Authorization", "Bearer " + viewer)
                .header("Content-Type", "application/json")
                .POST(java.net.http.HttpRequest.BodyPublishers.ofString("{\"vm_name\":\"web\"}")));
    assertThat(refused.statusCode()).isEqualTo(403);
  }

  @Test
  void scheduleStartsRuns() throws Exception {
    JsonNode targets = null;
    for (int i = 0; i < 300 && (targets == null || targets.isEmpty()); i++) {
      Thread.sleep(100);
      targets = json(server.get(PATH + "/targets?vm_path=nightly"), 200).get("targets");
    }
    JsonNode runs = json(server.get(PATH + "?vm_path=nightly"), 200).get("replications");
    JsonNode done = awaitEnd(runs.get(runs.size() - 1).get("job_id").asString());
    assertThat(done.get("status").asString()).as("%s", done).isEqualTo("COMPLETED");
    assertThat(folder.resolve("nightly-standby/k0.raw")).exists();
  }

  @Test
  void moverKeepsItsChangeIdsHere() {
    String vm = "/dc/vm/Web 1";
    JsonNode nothing = changeId("/dc/vm/Web%201", "disk-2000");
    assertThat(nothing.get("change_id").asString()).isEmpty();
    assertThat(nothing.get("message").asString()).isEqualTo("No previous replication found");
    String disks = ",\"job_id\":\"job-1\",\"disks\":[\"disk-2000\",\"disk-2001\"]";
    JsonNode begun = json(external(vm, disks), 202);
    assertThat(begun.get("job_id").asString()).isEqualTo("job-1");
    assertThat(json(external(vm, disks), 202)).isEqualTo(begun);

    json(complete("job-1", "disk-2000", "52 66/5490"), 200);
    JsonNode again = json(complete("job-1", "disk-2000", "52 66/5490"), 200);

    assertThat(again.get("status").asString()).isEqualTo("RUNNING");
    assertProblem(complete("job-1", "disk-2000", "52 66/5491"), 409, "52 66/5490");
    assertProblem(complete("job-1", "disk-7", "x"), 404, "disk-2001");
    assertProblem(complete("job-9", "disk-2000", "x"), 404, "job-9");
    assertThat(json(complete("job-1", "disk-2001", "b/1"), 200).get("status").asString())
        .isEqualTo("COMPLETED");
    assertProblem(complete("job-1", "disk-2001", "b/2"), 409, "b/1");
    JsonNode known = changeId("/dc/vm/Web%201", "disk-2000");
    assertThat(known.get("change_id").asString()).isEqualTo("52 66/5490");
    assertThat(known.get("job_id").asString()).isEqualTo("job-1");
    assertThat(known.get("vm_path").asString()).isEqualTo(vm);
    assertThat(json(server.get("/api/v1/backups/changeid?vm_name=Web"), 200).get("change_id"))
        .isEqualTo(nothing.get("change_id"));
  }

  @Test
  void malformedRequestsAreToldWhatIsExpected() {
    assertProblem(server.get(PATH + "/changeid?disk_id=disk-1"), 400, "vm_path");
    assertProblem(server.get(PATH + "/changeid?vm_path=a"), 400, "disk_id");
    assertProblem(server.get(PATH + "/changeid?vm_path=a&disk_id=2000"), 400, "disk-2000");
    assertProblem(server.get(PATH + "/changeid?vm_path=a&disk_id=disk-"), 400, "disk-2000");
    assertProblem(external("a", ""), 400, "disks");
    assertProblem(external("a", ",\"disks\":[\"vda\"]"), 400, "disk-2000");
    assertProblem(
        external("a", ",\"disks\":[\"disk-1\"],\"job_id\":\"replicate-1\""), 400, "job_id");
    assertProblem(external("a", ",\"disks\":[\"disk-1\"],\"verify\":true"), 400, "verify");
    assertProblem(server.post(PATH, "{\"mover\":\"ghost\"}"), 400, "ghost");
    String job =
        json(external("/malformed", ",\"disks\":[\"disk-1\"]"), 202).get("job_id").asString();
    assertProblem(server.post(PATH + "/" + job + "/changeid", "{}"), 400, "disk_id");
    assertProblem(
        server.post(PATH + "/" + job + "/changeid", "{\"disk_id\":\"disk-1\"}"), 400, "change_id");
    assertProblem(complete(job, "disk-1", "x".repeat(1001)), 400, "change_id");
    json(server.post(PATH + "/" + job + "/abandon", "{}"), 200);
    assertProblem(complete(job, "disk-1", "x"), 409, "ABANDONED");
  }

  @Test
  void ofTwoClientsOneWinsAndNoDiskIsOverwritten() {
    for (int round = 0; round < 20; round++) {
      String job =
          json(external("/race", ",\"disks\":[\"disk-a\",\"disk-b\"]"), 202)
              .get("job_id")
              .asString();
      List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
      for (int client = 0; client < 2; client++) {
        for (String disk : List.of("disk-a", "disk-b")) {
          String told = disk + "/" + round + "/" + client;
          answers.add(CompletableFuture.supplyAsync(() -> complete(job, disk, told)));
        }
      }
      List<Integer> statuses =
          answers.stream().map(answer -> answer.join().statusCode()).sorted().toList();
      assertThat(statuses).containsExactly(200, 200, 409, 409);
      assertThat(json(server.get(PATH + "/" + job), 200).get("status").asString())
          .isEqualTo("COMPLETED");
      for (int disk = 0; disk < 2; disk++) {
        String key = disk == 0 ? "disk-a" : "disk-b";
        int winner = answers.get(disk).join().statusCode() == 200 ? 0 : 1;
        assertThat(changeId("/race", key).get("change_id").asString())
            .isEqualTo(key + "/" + round + "/" + winner);
      }
    }
  }
}
