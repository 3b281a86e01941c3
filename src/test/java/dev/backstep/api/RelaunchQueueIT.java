package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Two servers on one database that together may run one backup at once. */
class RelaunchQueueIT {

  private static final int DISK_MIB = 96;

  /** Several chunks, so that one of them is surely forced. */
  private static final long MIDDLE_BYTES = 40L << 20;

  private static final String BACKUPS = "/api/v1/backups/";

  @TempDir Path folder;

  private final List<Process> disks = new ArrayList<>();
  private final List<ServerProcess> servers = new ArrayList<>();
  private final Map<String, Process> slow = new HashMap<>();

  @BeforeEach
  void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    for (String vm : List.of("stopped", "other")) {
      slow.put(vm, serveDisk(vm, "slow", "--filter=rate", "rate=80M"));
      serveDisk(vm, "quick");
      Files.writeString(
          folder.resolve("jobs/" + vm + ".yaml"),
          """
          vm: %s
          source: { type: nbd, disks: [ { key: a, uri: "nbd+unix:///?socket=%s", snapshot: stable } ] }
          repository: %s
          """
              .formatted(vm, socket(vm, "slow"), folder.resolve("repository")));
    }
    Map<String, String> environment = new HashMap<>(MariaDbServer.shared().newDatabase());
    environment.put("BACKSTEP_SERVER_MAXBACKUPS", "1");
    servers.add(ServerProcess.start(folder, "one", environment));
    servers.add(ServerProcess.start(folder, "two", environment));
  }

  private Path socket(String vm, String speed) {
    return folder.resolve(speed + "-" + vm);
  }

  /** The same bytes at both speeds. */
  private Process serveDisk(String vm, String speed, String... rate) throws IOException {
    List<String> command = new ArrayList<>(List.of("nbdkit", "-f", "-U", socket(vm, speed) + ""));
    List<String> values = new ArrayList<>(List.of(rate));
    if (!values.isEmpty()) {
      command.add(values.removeFirst());
    }
    command.addAll(List.of("random", DISK_MIB + "M", "seed=" + vm.length()));
    command.addAll(values);
    Process disk = new ProcessBuilder(command).start();
    disks.add(disk);
    return disk;
  }

  /** The slow disk gives its bytes quickly from now on; nobody may be reading it. */
  private void hasten(String vm) throws Exception {
    slow.get(vm).destroyForcibly().waitFor();
    Files.deleteIfExists(socket(vm, "slow"));
    serveDisk(vm, "slow");
    while (!Files.exists(socket(vm, "slow"))) {
      Thread.sleep(5);
    }
  }

  @AfterEach
  void stop() throws Exception {
    for (ServerProcess server : servers) {
      server.process().destroy();
    }
    for (ServerProcess server : servers) {
      assertThat(server.process().waitFor(90, TimeUnit.SECONDS)).isTrue();
    }
    disks.forEach(Process::destroy);
  }

  /**
   * A relaunch beyond the limit is waiting when the server dies that was asked for it and that runs
   * the other backup: the one that is left goes on with both, one after the other.
   */
  @Test
  void relaunchBeyondTheLimitWaitsAndIsBegunByTheServerThatIsLeft() throws Exception {
    String stopped = servers.getFirst().begin("stopped");
    awaitBytes(stopped, MIDDLE_BYTES);
    json(servers.getFirst().post(BACKUPS + stopped + "/stop", "{}"), 202);
    JsonNode half = servers.getFirst().awaitEnd(stopped);
    assertThat(half.get("status").asString()).isEqualTo("STOPPED");
    hasten("stopped");
    String other = servers.getFirst().begin("other");
    awaitBytes(other, 1);
    ServerProcess dying = servers.get(isRunBy(servers.getFirst()) ? 0 : 1);
    ServerProcess left = servers.get(1 - servers.indexOf(dying));

    JsonNode asked = json(dying.post(BACKUPS + stopped + "/relaunch", "{}"), 202);
    JsonNode waiting = awaitObstacle(left, stopped);
    assertProblem(left.post("/api/v1/backups", "{\"vm_name\":\"stopped\"}"), 409, stopped);
    boolean held = running(left).equals(Set.of(other));
    dying.process().destroyForcibly().waitFor();
    hasten("other");
    Set<Set<String>> seen = awaitBoth(left, stopped, other);

    assertThat(asked.get("status").asString()).isEqualTo("QUEUED");
    assertThat(waiting.get("waiting_for").asString()).contains("max-backups allows 1");
    assertThat(held).as("the relaunch has not begun").isTrue();
    assertThat(seen).as("never two at once").allMatch(running -> running.size() < 2);
    JsonNode disk = disks(json(left.get(BACKUPS + stopped), 200)).getFirst();
    assertThat(disk.get("bytes_read").asLong())
        .as("gone on with")
        .isLessThan(((long) DISK_MIB << 20) + disks(half).getFirst().get("bytes_read").asLong());
    compare(left, stopped, "stopped");
    compare(left, other, "other");
  }

  private boolean isRunBy(ServerProcess server) {
    for (JsonNode row : json(server.get("/api/v1/executions/running"), 200).get("running")) {
      if (row.get("owner_process_id").asLong() == server.process().pid()) {
        return true;
      }
    }
    return false;
  }

  /** The backups that run by what the database says. */
  private static Set<String> running(ServerProcess server) {
    Set<String> ids = new HashSet<>();
    json(server.get("/api/v1/executions/running"), 200)
        .get("running")
        .forEach(row -> ids.add(row.get("backup_id").asString()));
    return ids;
  }

  /** Until a backup has read so much. */
  private void awaitBytes(String id, long bytes) throws InterruptedException {
    long read = 0;
    for (int i = 0; i < 600 && read < bytes; i++) {
      Thread.sleep(50);
      List<JsonNode> now = disks(json(servers.getFirst().get(BACKUPS + id), 200));
      read = now.isEmpty() ? 0 : now.getFirst().path("bytes_read").asLong();
    }
    assertThat(read).isGreaterThanOrEqualTo(bytes);
  }

  private static JsonNode awaitObstacle(ServerProcess server, String id)
      throws InterruptedException {
    JsonNode now = json(server.get(BACKUPS + id), 200);
    for (int i = 0; i < 200 && now.get("waiting_for").isNull(); i++) {
      Thread.sleep(50);
      now = json(server.get(BACKUPS + id), 200);
    }
    return now;
  }

  /** Until both are completed; what ran at once meanwhile. */
  private static Set<Set<String>> awaitBoth(ServerProcess server, String one, String two)
      throws InterruptedException {
    Set<Set<String>> seen = new HashSet<>();
    for (int i = 0; i < 1200 && !(isCompleted(server, one) && isCompleted(server, two)); i++) {
      seen.add(running(server));
      Thread.sleep(50);
    }
    server.awaitCompleted(one);
    server.awaitCompleted(two);
    return seen;
  }

  private static boolean isCompleted(ServerProcess server, String id) {
    return json(server.get(BACKUPS + id), 200).get("status").asString().equals("COMPLETED");
  }

  private void compare(ServerProcess server, String id, String vm) {
    Path image =
        Path.of(disks(json(server.get(BACKUPS + id), 200)).getFirst().get("image").asString());
    Tool.checkImage(image);
    Tool.compareWithExport(image, socket(vm, "quick"));
  }
}
