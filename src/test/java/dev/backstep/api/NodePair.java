package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.endtoend.Program;
import dev.backstep.endtoend.Program.Result;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * Two servers on one database, and two VMs whose disks are read so slowly that a backup can be
 * caught in its middle.
 */
final class NodePair implements AutoCloseable {

  private static final String BACKUPS = "/api/v1/backups/";
  private static final int VMS = 2;
  private static final int DISK_MIB = 16;

  /** The first VM's disk takes two seconds; the second one's is twice as large and takes longer. */
  private static final int MIB_PER_SECOND = 8;

  /** Nobody who is awake holds a lock for so long. */
  private static final long LOCK_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  private final Path folder;
  private final Random random;
  private final Map<String, String> environment =
      new HashMap<>(MariaDbServer.shared().newDatabase());
  private final List<Process> disks = new ArrayList<>();
  private final List<ServerProcess> servers = new ArrayList<>();
  private int rounds;

  NodePair(Path folder, long seed) throws Exception {
    this.folder = folder;
    random = new Random(seed);
    Files.createDirectory(folder.resolve("jobs"));
    for (int vm = 0; vm < VMS; vm++) {
      makeMachine(vm);
    }
    environment.put("BACKSTEP_LEASE_TTL", "5s");
    servers.add(ServerProcess.start(folder, "one", environment));
    servers.add(ServerProcess.start(folder, "two", environment));
  }

  private void makeMachine(int vm) throws IOException {
    byte[] bytes = new byte[DISK_MIB * (1 + vm) << 20];
    random.nextBytes(bytes);
    Files.write(disk(vm), bytes);
    Path socket = folder.resolve("socket" + vm);
    disks.add(
        new ProcessBuilder(
                "nbdkit",
                "-f",
                "-U",
                socket.toString(),
                "--filter=rate",
                "file",
                disk(vm).toString(),
                "rate=" + MIB_PER_SECOND * (8 + 5 * vm) + "M",
                "burstiness=0.25")
            .start());
    Files.writeString(
        folder.resolve("jobs/vm" + vm + ".yaml"),
        """
        vm: vm%d
        source: { type: nbd, disks: [ { key: a, uri: "nbd+unix:///?socket=%s" } ] }
        repository: %s
        """
            .formatted(vm, socket, folder.resolve("repository")));
  }

  private Path disk(int vm) {
    return folder.resolve("disk" + vm + ".raw");
  }

  /**
   * What came of a sleep.
   *
   * @param caught how many backups the sleeper had in hand
   * @param locked whether it fell asleep inside a transaction whose rows the other one needs
   */
  record Sleep(int caught, boolean locked) {}

  /**
   * A server begins backups and is frozen at any moment; when its lease is over and the other one
   * has completed them, it wakes. Whatever it does then must change nothing. One that has frozen
   * with a row's lock, which is what keeps takeover and publishing apart, wakes before that.
   */
  Sleep sleep() throws Exception {
    ServerProcess sleeper = servers.get(rounds % 2);
    ServerProcess other = servers.get(1 - rounds % 2);
    rounds++;
    List<String> ids = new ArrayList<>();
    for (int vm = 0; vm < VMS; vm++) {
      write(vm);
      ids.add(sleeper.begin("vm" + vm)); // it looks into the queue at once
    }
    Thread.sleep(200 + random.nextInt(2000));
    signal(sleeper, "STOP");
    List<String> caught = runBy(sleeper, other);
    boolean locked = isKeptOut(other, ids);
    if (locked) {
      signal(sleeper, "CONT");
    }
    for (String id : ids) {
      other.awaitCompleted(id);
      other.awaitExecutionEnd(id);
    }
    Map<String, String> published = published(other);

    signal(sleeper, "CONT");
    awaitQuiet(sleeper);

    assertThat(published(other)).isEqualTo(published);
    for (int vm = 0; vm < VMS; vm++) {
      Path image = image(other, ids.get(vm));
      Tool.checkImage(image);
      Tool.compare(image, "qcow2", disk(vm), "raw");
    }
    return new Sleep((int) ids.stream().filter(caught::contains).count(), locked);
  }

  /** A restore point of each VM for each round, and nothing wrong with any of them. */
  void checkAll() throws Exception {
    JsonNode all = json(servers.getFirst().get("/api/v1/backups?limit=1000"), 200).get("backups");
    assertThat(all).hasSize(VMS * rounds);
    all.forEach(backup -> assertThat(backup.get("status").asString()).isEqualTo("COMPLETED"));
    Result check =
        new Program(folder, environment)
            .run("repository", "check", folder.resolve("repository").toString(), "--json");
    assertThat(check.status()).as(check.output() + check.errors()).isZero();
    assertThat(check.json().get("restore_points").asInt()).isEqualTo(VMS * rounds);
    assertThat(check.json().get("images").asInt()).isEqualTo(VMS * rounds);
  }

  /** The guest writes, so that each restore point shows something else. */
  private void write(int vm) {
    int at = random.nextInt(DISK_MIB);
    int pattern = random.nextInt(256);
    Tool.run("qemu-io", "-f", "raw", "-c", "write -q -P " + pattern + " " + at + "M 1M", disk(vm));
  }

  private static void signal(ServerProcess server, String name) {
    Tool.run("kill", "-" + name, server.process().pid());
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

  /**
   * Whether the sleeper has a lock that keeps the other server from completing all: that of a
   * backup's row, which is passed over, or one that is waited for.
   */
  private boolean isKeptOut(ServerProcess other, List<String> ids) throws Exception {
    long waitsSince = System.nanoTime();
    long end = waitsSince + TimeUnit.MINUTES.toNanos(2);
    while (System.nanoTime() < end
        && !ids.stream().allMatch(id -> status(other, id).equals("COMPLETED"))) {
      if (!MariaDbServer.shared().waitsForLock(environment) && !isLocked(ids)) {
        waitsSince = System.nanoTime();
      } else if (System.nanoTime() - waitsSince > LOCK_NANOS_MAX) {
        return true;
      }
      Thread.sleep(100);
    }
    return false;
  }

  private boolean isLocked(List<String> ids) throws SQLException {
    for (String id : ids) {
      if (MariaDbServer.shared().isLocked(environment, id)) {
        return true;
      }
    }
    return false;
  }

  private static String status(ServerProcess server, String id) {
    return json(server.get(BACKUPS + id), 200).get("status").asString();
  }

  /**
   * Its job ends a moment behind the restore point; as FAILED where the sleeper froze in between.
   */
  private static Path image(ServerProcess server, String id) {
    return Path.of(disks(json(server.get(BACKUPS + id), 200)).getFirst().get("image").asString());
  }

  /**
   * All rows of backups, and of each file that has its final name which one it is, its size and
   * when it was written. No backup was completed by two executions.
   */
  private Map<String, String> published(ServerProcess server) throws IOException {
    Map<String, String> published = new TreeMap<>();
    for (JsonNode row : json(server.get("/api/v1/backups?limit=1000"), 200).get("backups")) {
      String id = row.get("backup_id").asString();
      published.put(id, row.toString());
      assertThat(server.executions(id).stream().filter("COMPLETED"::equals))
          .as("executions that completed " + id)
          .hasSizeLessThanOrEqualTo(1);
    }
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      for (Path file : files.filter(file -> !file.toString().endsWith(".partial")).toList()) {
        BasicFileAttributes is = Files.readAttributes(file, BasicFileAttributes.class);
        if (is.isRegularFile()) {
          published.put(
              file.toString(), is.fileKey() + " " + is.size() + " " + is.lastModifiedTime());
        }
      }
    }
    return published;
  }

  /** Until the sleeper, awake again, has let go of its backups. */
  private static void awaitQuiet(ServerProcess sleeper) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (sleeper.get("/health").statusCode() != 200 || runsBackups(sleeper)) {
      assertThat(System.nanoTime()).as("the sleeper comes to itself").isLessThan(end);
      Thread.sleep(100);
    }
  }

  /** Whether a process has a thread that runs a backup, whatever the database says. */
  private static boolean runsBackups(ServerProcess server) throws IOException {
    Path threads = Path.of("/proc", server.process().pid() + "", "task");
    try (Stream<Path> all = Files.list(threads)) {
      for (Path thread : all.toList()) {
        try {
          if (Files.readString(thread.resolve("comm")).startsWith("backup-vm")) {
            return true;
          }
        } catch (NoSuchFileException e) {
          continue; // it has ended meanwhile
        }
      }
    }
    return false;
  }

  @Override
  public void close() throws InterruptedException {
    for (ServerProcess server : servers) {
      signal(server, "CONT");
      server.process().destroy();
    }
    for (ServerProcess server : servers) {
      assertThat(server.process().waitFor(90, TimeUnit.SECONDS)).isTrue();
    }
    disks.forEach(Process::destroy);
  }
}
