package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.job.external.TestDisks;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Two movers outside of a server on MariaDB complete the two disks of one backup at the same
 * moment. {@code -Dmover.rounds=N} sets how often.
 */
class MoversIT {

  private static final int ROUNDS = Integer.getInteger("mover.rounds", 10);
  private static final String BACKUPS = "/api/v1/backups";

  @TempDir Path folder;

  private TestDisks disks;
  private ServerProcess server;
  private ExecutorService movers;

  @BeforeEach
  void serve() throws Exception {
    disks = new TestDisks(folder, 7, 4 << 20, (4 << 20) + 512);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(folder.resolve("jobs/vm.yaml"), disks.definition("vm"));
    server = ServerProcess.start(folder, "home", MariaDbServer.shared().newDatabase());
    movers = Executors.newFixedThreadPool(2);
  }

  @AfterEach
  void stop() throws Exception {
    movers.close();
    server.close();
  }

  @Test
  void twoMoversCompleteTwoDisksAtOnceAndOverwriteNothing() throws Exception {
    int incremental = 0;
    for (int round = 0; round < ROUNDS; round++) {
      disks.live(0);
      disks.live(1);
      JsonNode backup =
          json(
              server.post(BACKUPS, "{\"vm_name\":\"vm\",\"mover\":\"external\",\"export\":true}"),
              202);
      completeAtOnce(backup, round);

      JsonNode done = json(server.get(BACKUPS + "/" + id(backup)), 200);
      assertThat(done.get("status").asString()).isEqualTo("COMPLETED");
      for (JsonNode disk : disks(done)) {
        checkPublished(disk, round);
        incremental += disk.get("level").asString().equals("incremental") ? 1 : 0;
      }
    }
    new Reliability(Suite.MOVERS, "two movers")
        .with("rounds", ROUNDS)
        .with("disks completed, two at once", 2 * ROUNDS)
        .with("of them incremental", incremental)
        .with("images checked and compared", 2 * ROUNDS)
        .write();
  }

  /** Each by a thread of its own, that of the backup and those of the disks in turn. */
  private void completeAtOnce(JsonNode backup, int round) throws Exception {
    CyclicBarrier start = new CyclicBarrier(2);
    List<Future<HttpResponse<String>>> answers = new ArrayList<>();
    for (JsonNode disk : disks(backup)) {
      int number = disk.get("disk_id").asInt();
      if (round > 0) {
        assertThat(disk.get("previous_change_id").asString())
            .isEqualTo(changeId(round - 1, number));
      }
      String by = round % 2 == 0 ? id(backup) : disk.get("backup_id").asString();
      answers.add(
          movers.submit(() -> {
            copy(disk);
            start.await();
            return server.post(
                BACKUPS + "/" + by + "/complete",
                "{\"change_id\":\"%s\",\"disk_id\":%d,\"bytes_transferred\":4096}"
                    .formatted(changeId(round, number), number));
          }));
    }
    for (Future<HttpResponse<String>> answer : answers) {
      json(answer.get(), 200);
    }
  }

  private void copy(JsonNode disk) throws IOException {
    String export = disk.get("export").asString();
    if (disk.get("level").asString().equals("full")) {
      disks.copyAll(disk.get("disk_id").asInt(), export);
    } else {
      disks.copyWritten(disk.get("disk_id").asInt(), export);
    }
  }

  /** The disk has its own mover's change id, and an image that shows what the disk was. */
  private void checkPublished(JsonNode disk, int round) {
    int number = disk.get("disk_id").asInt();
    assertThat(disk.get("change_id").asString()).isEqualTo(changeId(round, number));
    JsonNode stored = json(server.get(BACKUPS + "/changeid?vm_name=vm&disk_id=" + number), 200);
    assertThat(stored.get("change_id").asString()).isEqualTo(changeId(round, number));
    assertThat(stored.get("backup_id").asString()).isEqualTo(disk.get("id").asString());
    Path image = Path.of(disk.get("image").asString());
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", disks.file(number), "raw");
  }

  private static String changeId(int round, int disk) {
    return "round" + round + "/" + disk;
  }

  private static String id(JsonNode backup) {
    return backup.get("backup_id").asString();
  }
}
