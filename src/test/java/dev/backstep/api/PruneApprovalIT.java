package dev.backstep.api;

import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A server whose scheduled prunes wait until somebody has approved of them. */
class PruneApprovalIT {

  private static final String PLANS = "/api/v1/plans";
  private static final String SCHEDULES = "/api/v1/schedules";
  private static final String NAMED = "{\"vm_name\":\"vm\"}";

  @TempDir Path folder;

  private final Map<String, String> environment =
      new HashMap<>(MariaDbServer.shared().newDatabase());

  private void makeMachine() throws IOException {
    Path disk = folder.resolve("disk.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "8M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 0 1M", disk);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        level: full
        schedule: { cron: "0/2 * * * * ?", zone: UTC }
        retention: { last: 1 }
        """
            .formatted(disk, folder.resolve("repository")));
  }

  @Test
  void scheduledPruneWaitsForAnApprovalAndDeletesWhatWasApproved() throws Exception {
    makeMachine();
    environment.put("BACKSTEP_SERVER_PRUNEAPPROVAL", "true");
    ServerProcess server = ServerProcess.start(folder, "home", environment);
    try {
      JsonNode open = await(server, "OPEN", Optional.empty());
      assertThat(open.get("created_by").asString()).isEqualTo("schedule");
      assertThat(deleted(server)).as("nobody has approved of anything").isEmpty();
      json(server.post(SCHEDULES + "/pause", NAMED), 200);
      server.awaitCompleted(newest(server));
      String plan = newestOpen(server);
      assertThat(command("plans", "approve", plan)).isZero();
      json(server.post(SCHEDULES + "/resume", NAMED), 200);

      JsonNode run = await(server, "RUN", Optional.of(plan));

      List<String> drops = new ArrayList<>();
      run.get("drops").forEach(id -> drops.add(id.asString()));
      assertThat(drops).isNotEmpty();
      awaitDeleted(server, drops);
      assertThat(deleted(server)).containsExactlyInAnyOrderElementsOf(drops);
      assertThat(run.get("approved_by").asString()).contains("command line");
      assertThat(audit("plans approve " + plan)).containsExactly("local 200");
      assertThat(command("plans", "approve", plan)).as("once more").isNotZero();
      assertThat(audit("plans approve " + plan)).containsExactly("local 200", "local 409");
    } finally {
      server.process().destroy();
      assertThat(server.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
    }
  }

  private static String newest(ServerProcess server) {
    return json(server.get("/api/v1/backups?limit=1"), 200)
        .get("backups")
        .get(0)
        .get("backup_id")
        .asString();
  }

  /** Behind the last backup's end another plan may take the place of the one before. */
  private static String newestOpen(ServerProcess server) throws InterruptedException {
    String plan = "";
    String next = await(server, "OPEN", Optional.empty()).get("plan_id").asString();
    while (!next.equals(plan)) {
      plan = next;
      Thread.sleep(1000);
      next = await(server, "OPEN", Optional.empty()).get("plan_id").asString();
    }
    return plan;
  }

  private static JsonNode await(ServerProcess server, String status, Optional<String> id)
      throws InterruptedException {
    for (int i = 0; i < 1200; i++) {
      for (JsonNode plan : json(server.get(PLANS), 200).get("plans")) {
        boolean wanted = id.isEmpty() || plan.get("plan_id").asString().equals(id.get());
        if (wanted && plan.get("status").asString().equals(status)) {
          return plan;
        }
      }
      Thread.sleep(100);
    }
    throw new AssertionError("no plan " + id.orElse("") + " is " + status);
  }

  private static List<String> deleted(ServerProcess server) {
    List<String> deleted = new ArrayList<>();
    for (JsonNode backup : json(server.get("/api/v1/backups?limit=500"), 200).get("backups")) {
      if (backup.get("status").asString().startsWith("DELET")) {
        deleted.add(backup.get("backup_id").asString());
      }
    }
    return deleted;
  }

  private static void awaitDeleted(ServerProcess server, List<String> ids)
      throws InterruptedException {
    for (int i = 0; i < 600 && deleted(server).size() < ids.size(); i++) {
      Thread.sleep(100);
    }
  }

  private List<String> audit(String action) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Connection connection =
            DriverManager.getConnection(
                environment.get("BACKSTEP_DB_URL"),
                environment.get("BACKSTEP_DB_USER"),
                environment.get("BACKSTEP_DB_PASSWORD"));
        var query =
            connection.prepareStatement(
                "select remote_address, result from audit where action = ? order by id")) {
      query.setString(1, action);
      ResultSet found = query.executeQuery();
      while (found.next()) {
        rows.add(found.getString(1) + " " + found.getInt(2));
      }
    }
    return rows;
  }

  /** The command line's way to a shared database: directly. */
  private int command(String... words) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
                Stream.concat(
                        Stream.of(
                            Path.of("ops", "backstep").toAbsolutePath().toString(),
                            "--home",
                            folder.resolve("operator").toString()),
                        Stream.of(words))
                    .toList())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("command.txt").toFile());
    builder.environment().putAll(environment);
    return builder.start().waitFor();
  }
}
