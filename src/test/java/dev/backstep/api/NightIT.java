package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * A bad night of one server on MariaDB: tracking is reset, the process is killed, it is shut down,
 * an operator stops and relaunches. At its end every restore point shows what the disks were.
 */
class NightIT {

  private static final String BACKUPS = "/api/v1/backups";
  private static final int DISK_MIB = 512;

  /** So much of a disk's image is there when something happens. */
  private static final long MIDDLE_BYTES = 64L << 20;

  @TempDir Path folder;

  private final Map<String, String> environment = new HashMap<>();

  /** What the disks were, by backup. */
  private final Map<String, List<Path>> truth = new LinkedHashMap<>();

  private int made;
  private ServerProcess server;

  @BeforeEach
  void makeMachine() throws Exception {
    environment.putAll(MariaDbServer.shared().newDatabase());
    for (int disk = 0; disk < 2; disk++) {
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk(disk), DISK_MIB + "M");
      write(disk, 7, 0, DISK_MIB / 2);
    }
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source:
          type: image
          disks:
            - { key: a, path: %s }
            - { key: b, path: %s }
        repository: %s
        """
            .formatted(disk(0), disk(1), folder.resolve("repository")));
    server = ServerProcess.start(folder, "home", environment);
  }

  @AfterEach
  void stop() throws Exception {
    server.process().destroy();
    assertThat(server.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
  }

  private Path disk(int number) {
    return folder.resolve("disk" + number + ".qcow2");
  }

  private void write(int disk, int pattern, int fromMib, int mib) {
    Tool.run(
        "qemu-io",
        "-f",
        "qcow2",
        "-c",
        "write -q -P " + pattern + " " + fromMib + "M " + mib + "M",
        disk(disk));
  }

  private String begin(String type) throws IOException {
    List<Path> now = List.of(folder.resolve(made + "-a"), folder.resolve(made + "-b"));
    made++;
    for (int disk = 0; disk < 2; disk++) {
      Tool.run("cp", "--reflink=auto", "--sparse=always", disk(disk), now.get(disk));
    }
    String request = "{\"vm_name\":\"vm\",\"backup_type\":\"" + type + "\"}";
    String id = json(server.post(BACKUPS, request), 202).get("backup_id").asString();
    truth.put(id, now);
    return id;
  }

  private JsonNode complete(String id) throws Exception {
    JsonNode backup = server.awaitCompleted(id);
    // The snapshot is let go behind the restore point; until then the disks are locked.
    while (!json(server.get("/api/v1/executions?backup_id=" + id), 200)
        .get("executions")
        .get(0)
        .get("batch_status")
        .asString()
        .equals("COMPLETED")) {
      Thread.sleep(20);
    }
    return backup;
  }

  private String changeId(int disk) {
    return json(server.get(BACKUPS + "/changeid?vm_name=vm&disk_id=" + disk), 200)
        .get("change_id")
        .asString();
  }

  private static List<String> reasons(JsonNode backup) {
    return disks(backup).stream().map(disk -> disk.get("reason").asString()).toList();
  }

  /** What happens to a backup half way. */
  private interface Accident {
    void happen(String id) throws Exception;
  }

  /** Everything written anew, then a full backup to which it happens before an image is whole. */
  private String halfWay(int pattern, Accident accident) throws Exception {
    for (int attempt = 0; attempt < 5; attempt++) {
      write(0, pattern + attempt, 0, DISK_MIB);
      write(1, pattern + attempt, 0, DISK_MIB);
      String id = begin("full");
      awaitMiddle(id);
      accident.happen(id);
      boolean unfinished = partialBytes() > 0;
      if (!server.process().isAlive()) {
        server = ServerProcess.start(folder, "home", environment);
      }
      if (unfinished) {
        return id;
      }
      complete(id);
    }
    throw new AssertionError("five backups were done before anything could happen to them");
  }

  private void signal(String name) {
    Tool.run("kill", "-" + name, server.process().pid());
  }

  private void awaitMiddle(String id) throws Exception {
    while (partialBytes() < MIDDLE_BYTES && List.of("QUEUED", "RUNNING").contains(status(id))) {
      Thread.sleep(2);
    }
  }

  private String status(String id) {
    return json(server.get(BACKUPS + "/" + id), 200).get("status").asString();
  }

  private long partialBytes() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return files
          .filter(file -> file.toString().endsWith(".partial"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  @Test
  void everyRestorePointShowsWhatTheDisksWere() throws Exception {
    assertThat(reasons(complete(begin("full")))).containsExactly("REQUESTED", "REQUESTED");
    assertThat(changeId(0)).isNotEmpty().isNotEqualTo(changeId(1));

    write(0, 1, 3, 5);
    write(1, 2, 300, 90);
    assertThat(reasons(complete(begin("incremental")))).containsOnly("CHANGED_EXTENTS");

    Tool.run("qemu-img", "bitmap", "--remove", disk(1), changeId(1));
    write(0, 3, 500, 9);
    write(1, 4, 30, 9);
    assertThat(reasons(complete(begin("auto")))).containsExactly("CHANGED_EXTENTS", "CBT_RESET");

    complete(halfWay(10, id -> server.process().destroyForcibly().waitFor()));
    complete(
        halfWay(
            20,
            id -> {
              server.close();
              assertThat(server.process().exitValue()).isZero();
            }));
    String stopped = halfWay(30, this::stopByCommand);
    assertThat(status(stopped)).isEqualTo("STOPPED");
    json(server.post(BACKUPS + "/" + stopped + "/relaunch", "{}"), 202);
    complete(stopped);

    write(0, 5, 100, 1);
    assertThat(reasons(complete(begin("auto")))).containsOnly("CHANGED_EXTENTS");
    assertThat(partialBytes()).isZero();
    truth.forEach((id, disks) -> {
      for (JsonNode disk : disks(json(server.get(BACKUPS + "/" + id), 200))) {
        Path image = Path.of(disk.get("image").asString());
        Tool.run("qemu-img", "check", "-q", image);
        Tool.compare(image, "qcow2", disks.get(disk.get("disk_id").asInt()), "qcow2");
      }
    });
  }

  /** While the server sleeps: the command would come too late for disks that are so small. */
  private void stopByCommand(String id) throws Exception {
    signal("STOP");
    int code = command("stop", id);
    signal("CONT");
    JsonNode end = server.awaitEnd(id);
    assertThat(code).as(Files.readString(folder.resolve("command.txt")) + end).isZero();
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
