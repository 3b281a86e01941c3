package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.endtoend.Program;
import dev.backstep.endtoend.Program.Result;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * A bad night of one server on MariaDB and a VM of two disks, in this order: tracking is reset, the
 * process is killed, it is shut down, an operator stops and relaunches. At its end every restore
 * point shows what the disks were. {@link MoversIT} and {@link FrozenServerIT} go on from there:
 * other programs that copy, and a second server.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class NightIT {

  private static final String BACKUPS = "/api/v1/backups";
  private static final int DISK_MIB = 512;

  /** So much of a disk's image is there when something happens. */
  private static final long MIDDLE_BYTES = 64L << 20;

  @TempDir static Path folder;

  /** What the disks were, by backup. */
  private static final Map<String, List<Path>> TRUTH = new LinkedHashMap<>();

  private static Map<String, String> database;
  private static Program operator;
  private static ServerProcess server;

  @BeforeAll
  static void makeMachine() throws Exception {
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
    database = MariaDbServer.shared().newDatabase();
    operator = new Program(folder, database);
    serve();
  }

  /** In a home that is not the operator's: the commands go to the database by themselves. */
  private static void serve() throws Exception {
    server = ServerProcess.start(folder, "server", database);
  }

  @AfterAll
  static void stop() throws Exception {
    server.process().destroy();
    assertThat(server.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  @Order(1)
  void fullBackupGivesEachDiskAChangeIdOfItsOwn() throws Exception {
    JsonNode backup = complete(begin("full"));

    assertThat(reasons(backup)).containsExactly("REQUESTED", "REQUESTED");
    assertThat(changeId(0)).isNotEmpty().isNotEqualTo(changeId(1));
    for (JsonNode disk : disks(backup)) {
      assertThat(changeId(disk.get("disk_id").asInt())).isEqualTo(disk.get("change_id").asString());
    }
  }

  @Test
  @Order(2)
  void incrementalAsksWhatChangedSince() throws Exception {
    List<String> before = List.of(changeId(0), changeId(1));
    write(0, 1, 3, 5);
    write(1, 2, 300, 90);

    JsonNode backup = complete(begin("incremental"));

    assertThat(reasons(backup)).containsOnly("CHANGED_EXTENTS");
    for (JsonNode disk : disks(backup)) {
      assertThat(disk.get("previous_change_id").asString())
          .isEqualTo(before.get(disk.get("disk_id").asInt()));
    }
  }

  @Test
  @Order(3)
  void diskWhoseTrackingWasResetIsCopiedWholeAlone() throws Exception {
    Tool.run("qemu-img", "bitmap", "--remove", disk(1), changeId(1));
    write(0, 3, 500, 9);
    write(1, 4, 30, 9);

    assertThat(reasons(complete(begin("auto")))).containsExactly("CHANGED_EXTENTS", "CBT_RESET");
  }

  @Test
  @Order(4)
  void serverKilledInTheMiddleRecoversAndFinishesItWhenItIsBack() throws Exception {
    String id = halfWay(10, backup -> server.process().destroyForcibly().waitFor());

    complete(id);

    server.awaitExecutionEnd(id);
    assertThat(server.executions(id)).containsExactly("COMPLETED", "FAILED");
  }

  @Test
  @Order(5)
  void backupStoppedBySigtermIsGoneOnWithByApi() throws Exception {
    String id =
        halfWay(
            20,
            backup -> {
              server.close();
              assertThat(server.process().exitValue()).isZero();
              assertThat(operator.run("show", backup, "--json").json().get("status").asString())
                  .isIn("STOPPED", "COMPLETED");
            });

    // The server goes on with it by itself, too: whoever is second is told that it runs.
    assertThat(relaunch(id).statusCode()).isIn(202, 409);
    complete(id);

    server.awaitExecutionEnd(id);
    assertThat(server.executions(id)).containsExactly("COMPLETED", "STOPPED");
  }

  @Test
  @Order(6)
  void backupStoppedByCommandStaysSoUntilItIsRelaunched() throws Exception {
    String id = halfWay(30, NightIT::stopByCommand);
    Thread.sleep(2500); // some rounds in which a server would go on with it

    assertThat(status(id)).isEqualTo("STOPPED");
    json(relaunch(id), 202);
    complete(id);

    server.awaitExecutionEnd(id);
    assertThat(server.executions(id)).containsExactly("COMPLETED", "STOPPED");
  }

  @Test
  @Order(7)
  void everyRestorePointShowsWhatTheDisksWere() throws Exception {
    write(0, 5, 100, 1);
    assertThat(reasons(complete(begin("auto")))).containsOnly("CHANGED_EXTENTS");

    assertThat(partialBytes()).isZero();
    assertThat(TRUTH).hasSizeGreaterThanOrEqualTo(7);
    TRUTH.forEach((id, disks) -> {
      for (JsonNode disk : disks(json(server.get(BACKUPS + "/" + id), 200))) {
        Path image = Path.of(disk.get("image").asString());
        Tool.run("qemu-img", "check", "-q", image);
        Tool.compare(image, "qcow2", disks.get(disk.get("disk_id").asInt()), "qcow2");
      }
    });
    Result check = operator.run("repository", "check", folder.resolve("repository").toString());
    assertThat(check.status()).as(check.output() + check.errors()).isZero();
  }

  private static Path disk(int number) {
    return folder.resolve("disk" + number + ".qcow2");
  }

  private static void write(int disk, int pattern, int fromMib, int mib) {
    Tool.run(
        "qemu-io",
        "-f",
        "qcow2",
        "-c",
        "write -q -P " + pattern + " " + fromMib + "M " + mib + "M",
        disk(disk));
  }

  private static String begin(String type) throws IOException {
    int number = TRUTH.size();
    List<Path> now = List.of(folder.resolve(number + "-a"), folder.resolve(number + "-b"));
    for (int disk = 0; disk < 2; disk++) {
      Tool.run("cp", "--reflink=auto", "--sparse=always", disk(disk), now.get(disk));
    }
    String request = "{\"vm_name\":\"vm\",\"backup_type\":\"" + type + "\"}";
    String id = json(server.post(BACKUPS, request), 202).get("backup_id").asString();
    TRUTH.put(id, now);
    return id;
  }

  private static JsonNode complete(String id) throws Exception {
    JsonNode backup = server.awaitCompleted(id);
    // The snapshot is let go behind the restore point; until then the disks are locked.
    while (!server.executions(id).getFirst().equals("COMPLETED")) {
      Thread.sleep(20);
    }
    return backup;
  }

  private static HttpResponse<String> relaunch(String id) {
    return server.post(BACKUPS + "/" + id + "/relaunch", "{}");
  }

  private static String changeId(int disk) {
    return json(server.get(BACKUPS + "/changeid?vm_name=vm&disk_id=" + disk), 200)
        .get("change_id")
        .asString();
  }

  private static List<String> reasons(JsonNode backup) {
    return disks(backup).stream().map(disk -> disk.get("reason").asString()).toList();
  }

  private static String status(String id) {
    return json(server.get(BACKUPS + "/" + id), 200).get("status").asString();
  }

  /** What happens to a backup half way. */
  private interface Accident {
    void happen(String id) throws Exception;
  }

  /** Everything written anew, then a full backup to which it happens before an image is whole. */
  private static String halfWay(int pattern, Accident accident) throws Exception {
    for (int attempt = 0; attempt < 5; attempt++) {
      write(0, pattern + attempt, 0, DISK_MIB);
      write(1, pattern + attempt, 0, DISK_MIB);
      String id = begin("full");
      awaitMiddle(id);
      accident.happen(id);
      boolean unfinished = partialBytes() > 0;
      if (!server.process().isAlive()) {
        serve();
      }
      if (unfinished) {
        return id;
      }
      complete(id);
    }
    throw new AssertionError("five backups were done before anything could happen to them");
  }

  private static void awaitMiddle(String id) throws Exception {
    while (partialBytes() < MIDDLE_BYTES && List.of("QUEUED", "RUNNING").contains(status(id))) {
      Thread.sleep(2);
    }
  }

  private static long partialBytes() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return files
          .filter(file -> file.toString().endsWith(".partial"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    } catch (UncheckedIOException e) {
      return 0; // a file went away meanwhile; it is looked at again
    }
  }

  /** While the server sleeps: the command would come too late for disks that are so small. */
  private static void stopByCommand(String id) throws Exception {
    signal("STOP");
    Result stop = operator.run("stop", id);
    signal("CONT");
    JsonNode end = server.awaitEnd(id);
    assertThat(stop.status()).as(stop + " " + end).isZero();
  }

  private static void signal(String name) {
    Tool.run("kill", "-" + name, server.process().pid());
  }
}
