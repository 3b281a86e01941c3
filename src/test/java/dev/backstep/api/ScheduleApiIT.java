package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.job.external.TestDisks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Schedules of a server process that reads its folder of definitions every second. */
class ScheduleApiIT {

  private static final String SCHEDULES = "/api/v1/schedules";
  private static final String NEVER = "{ cron: \"0 0 0 1 1 ? 2098\", zone: UTC }";
  private static final String OFTEN = "{ cron: \"0/2 * * * * ?\", zone: UTC }";

  @TempDir static Path folder;

  private static ServerProcess server;

  private String vm;
  private TestDisks disks;

  @BeforeAll
  static void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    server = ServerProcess.start(folder, "home", Map.of("BACKSTEP_SERVER_RELOADINTERVAL", "200ms"));
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  @BeforeEach
  void makeMachine(TestInfo test) throws IOException {
    vm = test.getTestMethod().orElseThrow().getName();
    disks = new TestDisks(Files.createDirectory(folder.resolve(vm)), vm.hashCode(), 4 << 20);
  }

  private void define(String schedule) throws IOException {
    Path file = folder.resolve("jobs/" + vm + ".yaml");
    Files.writeString(file, disks.definition(vm) + "schedule: " + schedule + "\n");
    json(server.post(SCHEDULES + "/reload", "{}"), 200);
  }

  private JsonNode schedule() {
    return json(server.get(SCHEDULES + "?vm_name=" + vm), 200).get("schedules").get(0);
  }

  private JsonNode fires() {
    return json(server.get(SCHEDULES + "/fires?vm_name=" + vm), 200).get("fires");
  }

  private String named() {
    return "{\"vm_name\":\"" + vm + "\"}";
  }

  private static void await(BooleanSupplier fact) throws InterruptedException {
    for (int i = 0; i < 300 && !fact.getAsBoolean(); i++) {
      Thread.sleep(100);
    }
    assertThat(fact.getAsBoolean()).isTrue();
  }

  @Test
  void firesByItselfAndItsBackupsComplete() throws Exception {
    define(OFTEN);

    await(() ->
        Pattern.compile("\"backup_status\":\"COMPLETED\"")
                .matcher(fires().toString())
                .results()
                .count()
            > 1);

    JsonNode fire = schedule().get("last_fire");
    assertThat(fire.get("scheduled_at").asString()).endsWith("Z");
    json(server.post(SCHEDULES + "/pause", named()), 200);
  }

  @Test
  void retentionIsAppliedBehindEachScheduledBackup() throws Exception {
    define(OFTEN + "\nlevel: full\nretention: { last: 1 }");

    await(() ->
        json(server.get("/api/v1/backups?vm_name=" + vm), 200)
            .get("backups")
            .toString()
            .contains("\"DELETED\""));

    json(server.post(SCHEDULES + "/pause", named()), 200);
    assertThat(json(server.get("/api/v1/tasks?kind=prune"), 200).get("tasks").toString())
        .contains(vm + ", after backup-");
    await(() -> {
      JsonNode plan =
          json(server.post("/api/v1/prunes", "{\"vm_names\":[\"" + vm + "\"],\"plan\":true}"), 200);
      return plan.get("vms").get(0).get("restore_points").size() == 1;
    });
  }

  @Test
  void pausedOneFiresNoMoreUntilItIsResumed() throws Exception {
    define(OFTEN);
    await(() -> fires().size() > 0);

    assertThat(json(server.post(SCHEDULES + "/pause", named()), 200).get("paused").asBoolean())
        .isTrue();
    Thread.sleep(1000);
    int paused = fires().size();
    Thread.sleep(4500);
    assertThat(fires().size()).isEqualTo(paused);

    assertThat(json(server.post(SCHEDULES + "/resume", named()), 200).get("paused").asBoolean())
        .isFalse();
    await(() -> fires().size() > paused);
    json(server.post(SCHEDULES + "/pause", named()), 200);
  }

  @Test
  void runNowIsABackupOutsideOfTheSchedule() throws Exception {
    define(NEVER);

    String backup = json(server.post(SCHEDULES + "/run", named()), 202).get("backup_id").asString();

    assertThat(server.awaitEnd(backup).get("status").asString()).isEqualTo("COMPLETED");
    assertThat(schedule().get("next_fires").get(0).asString()).startsWith("2098-01-01T00:00:00");
    assertThat(fires().size()).isZero();
  }

  @Test
  void definitionsThatChangeAreNoticed() throws Exception {
    Path file = folder.resolve("jobs/" + vm + ".yaml");
    define(NEVER);
    assertThat(schedule().get("cron").asString()).contains("2098");

    Files.writeString(
        file, disks.definition(vm) + "schedule: { cron: \"0 0 0 1 1 ? 2097\", zone: UTC }\n");
    await(() -> schedule().get("cron").asString().contains("2097"));
    Files.delete(file);
    await(() -> server.get(SCHEDULES + "?vm_name=" + vm).statusCode() == 404);
  }

  @Test
  void brokenDefinitionIsToldAndLeavesTheOthersAlone() throws Exception {
    define(NEVER);
    Path broken = folder.resolve("jobs/broken.yaml");
    Files.writeString(
        broken, disks.definition("broken") + "schedule: { cron: \"61 * * * * ?\" }\n");

    JsonNode reload = json(server.post(SCHEDULES + "/reload", "{}"), 200);

    assertThat(reload.get("problems").toString()).contains("broken.yaml", "cron");
    assertThat(schedule().get("cron").asString()).contains("2098");
    Files.delete(broken);
  }

  @Test
  void unknownVmAndWrongParametersAreRefused() {
    assertProblem(server.get(SCHEDULES + "?vm_name=nobody"), 404, "nobody");
    assertProblem(server.post(SCHEDULES + "/pause", "{\"vm_name\":\"nobody\"}"), 404, "nobody");
    assertProblem(server.post(SCHEDULES + "/pause", "{}"), 400, "vm_name");
    assertProblem(server.get(SCHEDULES + "?next=101"), 400, "next");
    assertProblem(server.get(SCHEDULES + "/fires?limit=0"), 400, "limit");
    assertProblem(server.get(SCHEDULES + "/fires?since=yesterday"), 400, "since");
  }

  @Test
  void machinesAndRepositoriesAreServed() throws Exception {
    define(NEVER);
    JsonNode backup = server.backup(vm);

    JsonNode machine = json(server.get("/api/v1/vms?vm_name=" + vm), 200).get("vms").get(0);
    assertThat(machine.get("last_backup_id")).isEqualTo(backup.get("backup_id"));
    assertThat(machine.get("restore_point_at").isNull()).isFalse();
    assertThat(machine.get("disks").size()).isEqualTo(backup.get("disks").size());
    JsonNode page = json(server.get("/api/v1/vms?limit=1"), 200);
    assertThat(page.get("vms").size()).isEqualTo(1);
    assertProblem(server.get("/api/v1/vms?vm_name=nobody"), 404, "nobody");

    JsonNode repository = json(server.get("/api/v1/repositories"), 200).get("repositories").get(0);
    String one = "/api/v1/repositories/" + repository.get("repository_id").asString();
    JsonNode known = json(server.get(one), 200);
    assertThat(known.get("reachable").asBoolean()).isTrue();
    assertThat(known.get("bytes_free").asLong()).isPositive();
    assertProblem(server.get("/api/v1/repositories/nothing"), 404, "nothing");
  }

  @Test
  void reportsOfExecutionsAreServed() throws Exception {
    define(NEVER);
    String id = server.backup(vm).get("backup_id").asString();

    String lineage = "/api/v1/executions/lineage?vm_name=" + vm + "&disk_id=0";
    JsonNode row = json(server.get(lineage), 200).get("lineage").get(0);

    assertThat(row.toString()).contains(id);
    for (String report : new String[] {"running", "failed", "stuck", "longest", "throughput"}) {
      assertThat(json(server.get("/api/v1/executions/" + report), 200).has(report)).isTrue();
    }
    JsonNode executions = json(server.get("/api/v1/executions?backup_id=" + id), 200);
    JsonNode execution = executions.get("executions").get(0);
    assertThat(execution.get("batch_status").asString()).isEqualTo("COMPLETED");
    assertThat(execution.get("backup_id").asString()).isEqualTo(id);
    assertThat(execution.get("steps").size()).isGreaterThan(2);
    assertThat(
            json(server.get("/api/v1/executions/" + execution.get("execution_id").asLong()), 200))
        .isEqualTo(execution);
    assertProblem(server.get("/api/v1/executions/999999"), 404, "999999");
    assertProblem(server.get("/api/v1/executions/" + "9".repeat(30)), 404, "999999");
    assertProblem(server.get("/api/v1/executions?after=x"), 400, "next");
    JsonNode first = json(server.get("/api/v1/executions/fulls?limit=1"), 200);
    assertThat(first.get("fulls").size()).isEqualTo(1);
    assertProblem(server.get("/api/v1/executions/everything"), 404, "stale");
    assertProblem(server.get("/api/v1/executions/lineage"), 400, "which VM");
    assertProblem(server.get("/api/v1/executions/fulls?after=x"), 400, "next");
    assertProblem(server.get("/api/v1/executions/fulls?reason=x"), 400, "reason");
    assertProblem(server.get("/api/v1/executions/stale?limit=1001"), 400, "limit");
  }
}
