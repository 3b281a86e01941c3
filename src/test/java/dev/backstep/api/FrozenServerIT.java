package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Two servers on one database, of which one sleeps through its lease while it runs backups: the
 * other one completes them, and the sleeper, once awake, publishes nothing. {@code
 * -Dfreeze.rounds=N} sets how often a backup is caught so; several are in each sleep.
 */
class FrozenServerIT {

  private static final int ROUNDS = Integer.getInteger("freeze.rounds", 4);
  private static final int VMS = 4;
  private static final int DISK_MIB = 48;
  private static final int SLOW_MIB_PER_SECOND = 6;
  private static final String BACKUPS = "/api/v1/backups/";

  @TempDir Path folder;

  private final List<Process> disks = new ArrayList<>();
  private final List<ServerProcess> servers = new ArrayList<>();

  @BeforeEach
  void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    for (int vm = 0; vm < VMS; vm++) {
      serveDisk(vm, "slow", "--filter=rate", "rate=" + SLOW_MIB_PER_SECOND * 8 + "M");
      serveDisk(vm, "quick");
      Files.writeString(
          folder.resolve("jobs/vm" + vm + ".yaml"),
          """
          vm: vm%d
          source: { type: nbd, disks: [ { key: a, uri: "nbd+unix:///?socket=%s" } ] }
          repository: %s
          """
              .formatted(vm, socket(vm, "slow"), folder.resolve("repository")));
    }
    Map<String, String> environment = new HashMap<>(MariaDbServer.shared().newDatabase());
    environment.put("BACKSTEP_LEASE_TTL", "5s");
    environment.put("BACKSTEP_SERVER_MAXBACKUPS", "20");
    environment.put("BACKSTEP_SERVER_MAXBACKUPSPERREPOSITORY", "20");
    servers.add(ServerProcess.start(folder, "one", environment));
    servers.add(ServerProcess.start(folder, "two", environment));
  }

  private Path socket(int vm, String speed) {
    return folder.resolve(speed + vm);
  }

  /** The same bytes at both speeds, others for each VM. */
  private void serveDisk(int vm, String speed, String... rate) throws IOException {
    List<String> command = new ArrayList<>(List.of("nbdkit", "-f", "-U", socket(vm, speed) + ""));
    if (rate.length > 0) {
      command.add(rate[0]);
    }
    command.addAll(List.of("random", DISK_MIB + "M", "seed=" + (100 + vm)));
    if (rate.length > 0) {
      command.add(rate[1]);
    }
    disks.add(new ProcessBuilder(command).start());
  }

  @AfterEach
  void stop() throws Exception {
    for (ServerProcess server : servers) {
      signal(server, "CONT");
      server.process().destroy();
    }
    for (ServerProcess server : servers) {
      assertThat(server.process().waitFor(90, TimeUnit.SECONDS)).isTrue();
    }
    disks.forEach(Process::destroy);
  }

  private static void signal(ServerProcess server, String name) {
    Tool.tryRun("kill", "-" + name, String.valueOf(server.process().pid()));
  }

  @Test
  void sleeperPublishesNothing() throws Exception {
    int caught = 0;
    for (int sleep = 0; caught < ROUNDS; sleep++) {
      assertThat(sleep).as("sleeps that caught too few backups").isLessThan(ROUNDS);
      caught += sleep(servers.get(sleep % 2), servers.get(1 - sleep % 2));
    }
  }

  /** Returns how many backups the other server took over. */
  private int sleep(ServerProcess sleeper, ServerProcess other) throws Exception {
    List<String> ids = new ArrayList<>();
    for (int vm = 0; vm < VMS; vm++) {
      ids.add(sleeper.begin("vm" + vm)); // it looks into the queue at once
    }
    Thread.sleep(2500); // a third of what a backup takes
    signal(sleeper, "STOP");
    List<String> caught = runBy(sleeper, other);
    for (String id : ids) {
      other.awaitCompleted(id);
    }
    Map<String, String> published = published(other, ids);

    signal(sleeper, "CONT");
    awaitQuiet(sleeper);

    assertThat(published(other, ids)).isEqualTo(published);
    for (int vm = 0; vm < VMS; vm++) {
      Path image = image(other, ids.get(vm));
      Tool.run("qemu-img", "check", "-q", image);
      Tool.run(
          "qemu-img",
          "compare",
          "-q",
          "-f",
          "qcow2",
          "-F",
          "raw",
          image,
          "nbd+unix:///?socket=" + socket(vm, "quick"));
    }
    return (int) ids.stream().filter(caught::contains).count();
  }

  /** The backups that a process runs by what the database says. */
  private static List<String> runBy(ServerProcess owner, ServerProcess asked) {
    List<String> ids = new ArrayList<>();
    for (JsonNode row : json(asked.get("/api/v1/executions/running"), 200).get("running")) {
      if (row.get("owner_process_id").asLong() == owner.process().pid()) {
        ids.add(row.get("backup_id").asString());
      }
    }
    return ids;
  }

  private static Path image(ServerProcess server, String id) {
    return Path.of(disks(json(server.get(BACKUPS + id), 200)).getFirst().get("image").asString());
  }

  /** Every file of the repository that these backups stand on, with its digest; and their rows. */
  private Map<String, String> published(ServerProcess server, List<String> ids) throws Exception {
    Map<String, String> files = new HashMap<>();
    for (String id : ids) {
      JsonNode backup = json(server.get(BACKUPS + id), 200);
      files.put(id, backup.toString());
      Path image = image(server, id);
      files.put(
          image.toString(),
          HexFormat.of()
              .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(image))));
    }
    return files;
  }

  /** Until the sleeper, awake again, has noticed that its backups are not its own any more. */
  private static void awaitQuiet(ServerProcess sleeper) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (System.nanoTime() < end) {
      Thread.sleep(500);
      if (sleeper.get("/health").statusCode() == 200 && runBy(sleeper, sleeper).isEmpty()) {
        Thread.sleep(3000); // what it had in hand would be written by now
        return;
      }
    }
    throw new AssertionError("the sleeper does not come to itself");
  }
}
