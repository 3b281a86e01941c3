package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.endtoend.Program;
import dev.backstep.endtoend.Program.Result;
import dev.backstep.job.external.TestDisks;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Commands of a home folder whose database a server has open: the same answers, through REST. */
class RemoteCommandsIT {

  /** Those whose rows do not change with the time of asking. */
  private static final List<List<String>> QUESTIONS =
      List.of(
          List.of("list", "--vm", "vm", "--limit", "1"),
          List.of("executions", "list", "--all"),
          List.of("executions", "lineage", "vm", "0"),
          List.of("executions", "fulls"),
          List.of("executions", "failed"),
          List.of("executions", "stuck"));

  @TempDir Path folder;

  private Program program;
  private ServerProcess server;
  private Process slow;
  private Path pace;

  @BeforeEach
  void serve() throws Exception {
    program = new Program(folder);
    TestDisks disks = new TestDisks(Files.createDirectory(folder.resolve("vm")), 9, 4 << 20);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(folder.resolve("jobs/vm.yaml"), disks.definition("vm"));
    Path socket = folder.resolve("slow.sock");
    pace = folder.resolve("pace");
    pace("20M");
    slow =
        new ProcessBuilder(
                "nbdkit",
                "-f",
                "-U",
                socket + "",
                "--filter=rate",
                "pattern",
                "160M",
                "rate=20M",
                "rate-file=" + pace)
            .start();
    Files.writeString(
        folder.resolve("jobs/slow.yaml"),
        """
        vm: slow
        source: { type: nbd, disks: [ { key: a, uri: "nbd+unix:///?socket=%s" } ] }
        repository: %s
        """
            .formatted(socket, folder.resolve("slow-repository")));
    server = ServerProcess.start(folder, "home", Map.of());
  }

  @AfterEach
  void stop() throws Exception {
    server.process().destroy();
    assertThat(server.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
    slow.destroy();
  }

  /** How many bits a second the slow disk gives from now on. */
  private void pace(String bits) throws IOException {
    Files.writeString(pace, bits + "\n");
  }

  private Result run(int status, String... arguments) throws Exception {
    Result result = program.run(arguments);
    assertThat(result.status()).as(result.output() + result.errors()).isEqualTo(status);
    return result;
  }

  @Test
  void answersAreTheSameAsWithoutAServer() throws Exception {
    JsonNode backup = run(0, "backup", "vm", "--json").json();
    assertThat(backup.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(run(0, "backup", "vm", "--level", "full").output()).contains("full (REQUESTED)");
    String id = backup.get("backup_id").asString();
    assertThat(folder.resolve("home/server.json")).exists();
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(folder.resolve("home/server.json"))))
        .isEqualTo("rw-------");

    Files.delete(Path.of(backup.get("disks").get(0).get("image").asString()));
    JsonNode damaged = run(1, "verify", "--all", "--json").json();
    assertThat(damaged.get("findings").size()).as(damaged + "").isEqualTo(1);
    String verification = damaged.get("task_id").asString();

    String remote = answers(id, verification);
    assertThat(run(0, "doctor").output()).contains("open in the server at " + server.url());
    server.close();

    assertThat(folder.resolve("home/server.json")).doesNotExist();
    assertThat(answers(id, verification)).isEqualTo(remote).contains(id, "MISSING");
  }

  private String answers(String id, String verification) throws Exception {
    StringBuilder all = new StringBuilder();
    for (List<String> question : QUESTIONS) {
      all.append(run(0, with(question, "--json")).output());
    }
    all.append(run(0, "list").output()).append(run(0, "show", id).output());
    all.append(run(0, "show", id, "--json").output());
    all.append(run(0, "show", verification).output());
    all.append(run(0, "show", verification, "--json").output());
    all.append(run(4, "show", "nothing").errors());
    all.append(run(4, "changeid", "vm", "0").errors());
    all.append(run(4, "list", "--vm", "nobody").errors());
    all.append(run(1, "relaunch", id).errors());
    all.append(run(4, "stop", "backup-nothing").errors());
    all.append(run(1, "executions", "abandon", id).errors());
    return all.toString();
  }

  private static String[] with(List<String> words, String more) {
    return java.util.stream.Stream.concat(words.stream(), java.util.stream.Stream.of(more))
        .toArray(String[]::new);
  }

  @Test
  void restoresWhatTheServerMade() throws Exception {
    String id = run(0, "backup", "vm", "--json").json().get("backup_id").asString();

    run(0, "restore", id, "--to", folder.resolve("restored").toString());

    assertThat(
            Files.mismatch(
                folder.resolve("restored/disk-0.raw"), folder.resolve("vm").resolve(disk())))
        .isEqualTo(-1);
    run(0, "delete", id);
    run(1, "restore", id, "--to", folder.resolve("again").toString());
  }

  /** Neither while it writes, nor behind it. */
  @Test
  void olderRestoreIsNotMixedWithANewerOne() throws Exception {
    Tool.run("qemu-io", "-f", "raw", "-c", "write -q -P 7 0 1M", folder.resolve("vm/disk0.raw"));
    String id = run(0, "backup", "vm", "--json").json().get("backup_id").asString();
    Path full = folder.resolve("full");
    Path socket = folder.resolve("target.sock");
    Process target =
        new ProcessBuilder(
                ("nbdkit -f -U %s --filter=delay --filter=error memory 4M delay-write=1"
                        + " error-pwrite-rate=100%% error-pwrite-file=%s")
                    .formatted(socket, full)
                    .split(" "))
            .start();
    try {
      String uri = "nbd+unix:///?socket=" + socket;
      while (!Files.exists(socket)) {
        assertThat(target.isAlive()).isTrue();
        Thread.sleep(20);
      }
      Files.createFile(full);
      String failed = restore(id, uri, 202).get("task_id").asString();

      assertThat(restore(id, uri, 409).get("detail").asString())
          .contains(uri, "is being written by " + failed);

      awaitEnd(failed, "FAILED");
      Files.delete(full);
      String newer = restore(id, uri, 202).get("task_id").asString();
      String refused = server.post("/api/v1/tasks/" + failed + "/relaunch", "").body();
      assertThat(refused).contains("\"status\":409", newer + " was begun since");
      awaitEnd(newer, "COMPLETED");
      assertThat(run(1, "relaunch", failed).errors()).contains(newer, "restore again");
      assertThat(run(0, "show", failed).output())
          .contains("FAILED", "another one was begun onto it since: " + newer);
      assertThat(run(0, "show", failed, "--json").json().get("superseded_by").asString())
          .isEqualTo(newer);
      assertThat(run(0, "show", newer, "--json").json().get("superseded_by").isNull()).isTrue();
    } finally {
      target.destroy();
    }
  }

  private JsonNode restore(String id, String target, int status) throws Exception {
    return ServerProcess.json(
        server.post(
            "/api/v1/restores",
            "{\"backup_id\":\"%s\",\"disks\":[{\"disk_id\":0,\"kind\":\"nbd\",\"target\":\"%s\"}]}"
                .formatted(id, target)),
        status);
  }

  private void awaitEnd(String task, String expected) throws Exception {
    String status = "RUNNING";
    while (status.equals("RUNNING")) {
      Thread.sleep(50);
      status =
          ServerProcess.json(server.get("/api/v1/tasks/" + task), 200).get("status").asString();
    }
    assertThat(status).isEqualTo(expected);
  }

  /** Also one that failed, and goes on when what was in its way is gone. */
  @Test
  void checksTheRepositoryInTheServer() throws Exception {
    run(0, "backup", "vm");
    JsonNode repository =
        ServerProcess.json(server.get("/api/v1/repositories"), 200).get("repositories").get(0);
    String id = repository.get("repository_id").asString();
    Path place = Path.of(repository.get("path").asString());
    Path stray = Files.writeString(place.resolve("notes.txt"), "mine");

    JsonNode found = run(0, "repository", "check", id, "--json").json();

    assertThat(found.get("restore_points").asInt()).isEqualTo(1);
    assertThat(found.get("strays").get(0).get("file").asString()).isEqualTo(stray.toString());
    assertThat(run(4, "repository", "check", "nothing").errors()).contains("no repository");
    Path aside = Files.move(place, folder.resolve("aside"));
    String failed = run(1, "repository", "check", id).output().lines().findFirst().orElseThrow();
    Files.move(aside, place);
    assertThat(run(0, "tasks", "--status", "failed").output()).contains(failed);
    assertThat(run(2, "tasks", "--status", "broken").errors()).contains("running, completed,");
    run(0, "relaunch", failed);
    assertThat(run(0, "tasks", "--status", "failed").output()).contains("no such tasks");
    assertThat(run(0, "tasks", "--kind", "check").output())
        .containsPattern(failed + " +COMPLETED +clean ");
  }

  private String disk() throws IOException {
    String definition = Files.readString(folder.resolve("jobs/vm.yaml"));
    String path = definition.replaceAll("(?s).*?path: ([^ ]+) .*", "$1");
    return Path.of(path).getFileName().toString();
  }

  @Test
  void runningBackupIsStoppedAndGoneOnWith() throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    Process backup = program.start(out, err, "backup", "slow");
    ServerProcess.awaitText(backup, out, "backup-slow-");
    String id = Files.readString(out).strip().split("\\s")[0];
    ServerProcess.awaitText(backup, out, "disk 0");

    assertThat(run(5, "backup", "slow").errors()).contains("slow");
    assertThat(run(5, "executions", "recover", "--force", id).errors()).contains("alive");
    run(0, "stop", id);
    assertThat(backup.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(backup.exitValue()).isEqualTo(130);
    assertThat(Files.readString(err)).contains("backstep relaunch " + id);

    pace("8G");
    JsonNode done = run(0, "relaunch", id, "--json").json();
    assertThat(done.get("backup_id").asString()).isEqualTo(id);
    assertThat(done.get("status").asString()).isEqualTo("COMPLETED");
  }

  @Test
  void schedulesAndTokensAreTheServersOwn() throws Exception {
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        Files.readString(folder.resolve("jobs/vm.yaml"))
            + "schedule: { cron: \"0 0 1 1 1 ?\", zone: UTC }\n");
    String token = run(0, "token", "add", "tool", "--role", "operator").output().strip();
    assertThat(server.post("/api/v1/schedules/reload", "").statusCode()).isEqualTo(200);
    assertThat(status(token)).isEqualTo(200);

    assertThat(run(0, "schedule").output()).contains("vm", "0 0 1 1 1 ?", ":00:00");
    assertThat(run(0, "schedule", "pause", "vm").output()).contains("paused");
    assertThat(run(0, "schedule", "list", "--json").json().get(0).get("paused").asBoolean())
        .isTrue();
    assertThat(run(0, "schedule", "resume", "vm").output()).doesNotContain("paused");
    assertThat(run(4, "schedule", "pause", "nobody").errors()).contains("no such VM");
    assertThat(run(0, "schedule", "run", "vm").output()).startsWith("backup-vm-");
    assertThat(run(0, "token").output()).contains("tool", "operator").doesNotContain(token);
    run(2, "token", "add", "other", "--role", "king");
    run(0, "token", "revoke", "tool");
    run(4, "token", "revoke", "tool");
    assertThat(status(token)).isEqualTo(401);
    server.close();
    assertThat(run(1, "schedule").errors()).contains("no server runs", "backstep serve");
  }

  private int status(String token) {
    return ServerProcess.send(
            server.request("/api/v1/schedules").setHeader("Authorization", "Bearer " + token))
        .statusCode();
  }

  @Test
  void serverThatDiesUnderACommandIsTold() throws Exception {
    Path err = folder.resolve("err");
    Process backup = program.start(folder.resolve("out"), err, "backup", "slow");
    ServerProcess.awaitText(backup, folder.resolve("out"), "disk 0");

    server.process().destroyForcibly().waitFor();

    assertThat(backup.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(backup.exitValue()).isEqualTo(1);
    assertThat(Files.readString(err)).contains("goes on by itself", "backstep show backup-slow-");
    assertThat(folder.resolve("home/server.json")).as("left by the dead").exists();
    assertThat(run(0, "list").output()).contains("slow");
  }

  @Test
  void otherDefinitionThanTheServersIsRefused() throws Exception {
    Path other = Files.createDirectory(folder.resolve("other"));
    Files.writeString(
        other.resolve("vm.yaml"),
        Files.readString(folder.resolve("jobs/vm.yaml")) + "max-parallel-disks: 1\n");

    assertThat(run(1, "backup", "vm", "--jobs", other.toString()).errors())
        .contains("jobs/vm.yaml", "another");
    assertThat(run(0, "backup", folder.resolve("jobs/vm.yaml").toString()).output())
        .contains("COMPLETED");
  }

  @Test
  void tokenThatIsWorthlessIsTold() throws Exception {
    Files.writeString(folder.resolve("home/admin.token"), "nonsense\n");

    assertThat(run(1, "list").errors()).contains("token");
  }
}
