package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.api.ServerProcess;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.ArrayList;
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

/** The disk under the embedded database is full, in the middle of the night. */
class FullDatabaseDiskIT {

  private static final String BACKUPS = "/api/v1/backups";
  private static final String VM = "{\"vm_name\":\"vm\"}";

  @TempDir private Path folder;

  private Program program;
  private Path disk;

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    Files.createDirectory(program.home());
    Tool.run("mount", "-t", "tmpfs", "-o", "size=32M", "none", program.home());
    disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "128M");
    write(1, 0);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        "vm: vm\nsource: { type: image, disks: [ { key: a, path: %s } ] }\nrepository: %s\n"
            .formatted(disk, folder.resolve("repository")));
  }

  @AfterEach
  void unmount() {
    Tool.run("umount", program.home());
  }

  private void write(int pattern, int atMib) {
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P " + pattern + " " + atMib + "M 8M", disk);
  }

  /** Leaves no more than so many bytes. */
  private Path fill(long left) throws IOException {
    Path ballast = program.home().resolve("ballast");
    long free = Files.getFileStore(program.home()).getUsableSpace();
    Tool.run("fallocate", "-l", String.valueOf(Math.max(1, free - left)), ballast);
    return ballast;
  }

  /** Leaves nothing, whoever is writing meanwhile. */
  private Path fillUp() {
    Path ballast = program.home().resolve("ballast");
    Tool.run("sh", "-c", "cat /dev/zero > \"$1\" || true", "fill", ballast);
    return ballast;
  }

  @Test
  void noBackupIsCalledDoneThatIsNotAndAllIsWellOnceThereIsRoom() throws Exception {
    List<JsonNode> done = new ArrayList<>();
    done.add(program.succeed("backup", "vm", "--json").json());
    for (long left : List.of(0L, 64L << 10, 256L << 10, 1L << 20)) {
      write(2 + done.size(), 8 * done.size());
      Path ballast = fill(left);

      Program.Result night = program.run("backup", "vm", "--json");

      if (night.status() == 0) {
        done.add(night.json()); // there was room enough for it
      } else {
        assertThat(night.errors())
            .as("%s bytes left", left)
            .containsPattern("No space left|is full|failed")
            .doesNotContain("Exception in thread");
      }
      Files.delete(ballast);
      JsonNode list = program.succeed("list", "--json").json();
      List<String> completed = new ArrayList<>();
      list.forEach(row -> {
        if (row.get("status").asString().equals("COMPLETED")) {
          completed.add(row.get("backup_id").asString());
        }
      });
      assertThat(completed)
          .as("%s bytes left: %s", left, night)
          .containsAll(done.stream().map(row -> row.get("backup_id").asString()).toList());
      done.add(program.succeed("backup", "vm", "--json").json());
    }
    for (JsonNode backup : done) {
      Tool.checkImage(Path.of(backup.get("disks").get(0).get("image").asString()));
    }
    Path newest = Path.of(done.getLast().get("disks").get(0).get("image").asString());
    Tool.compare(newest, "qcow2", disk, "qcow2");
  }

  /** So that who stops a backup then still finds the process that runs it. */
  @Test
  void databaseOfAnotherProcessIsBusyAlsoWhereThereIsNoRoom() throws Exception {
    program.succeed("list");
    String database = "jdbc:h2:retry:" + program.home().resolve("db").resolve("backstep");
    try (Connection _ = DriverManager.getConnection(database, "sa", "")) {
      fill(64L << 10);

      Program.Result stop = program.run("stop", "backup-vm-20260101-000000");

      assertThat(stop.errors()).contains("is open in another process");
      assertThat(stop.status()).isEqualTo(5);
    }
  }

  /**
   * As above, in one process that stays: what it says is true, and it comes to itself again, with
   * the backup that was running when the disk became full.
   */
  @Test
  void serverGoesOnByItselfOnceThereIsRoom() throws Exception {
    Path socket = folder.resolve("slow.sock");
    Process slow =
        nbdkit("-U", socket + "", "--filter=rate", "random", "30M", "seed=8", "rate=40M");
    Process quick = nbdkit("-U", folder.resolve("quick.sock") + "", "random", "30M", "seed=8");
    Files.writeString(
        folder.resolve("jobs/slow.yaml"),
        "vm: slow\nsource: { type: nbd, disks: [ { key: a, uri: \"nbd+unix:///?socket=%s\" } ] }\nrepository: %s\n"
            .formatted(socket, folder.resolve("repository")));
    JsonNode before;
    JsonNode after;
    try (ServerProcess server =
        ServerProcess.start(folder, "home", Map.of("BACKSTEP_LEASE_TTL", "5s"))) {
      before = server.backup("vm");
      String running = server.begin("slow");
      awaitStatus(server, running, "RUNNING");

      Path ballast = fillUp();

      HttpResponse<String> refused = untilRefused(server);
      assertThat(refused.statusCode()).isEqualTo(503);
      assertThat(refused.body()).contains("the database");
      awaitReady(server, 503);
      assertThat(server.get("/health/live").statusCode()).isEqualTo(200);
      Set<String> said = new HashSet<>();
      for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(6); // a lease ends
          System.nanoTime() < end; ) {
        HttpResponse<String> asked = server.get(BACKUPS + "/" + running);
        assertThat(asked.statusCode()).as(asked.body()).isIn(200, 503);
        assertThat(asked.body()).doesNotContain("COMPLETED");
        HttpResponse<String> again = server.post(BACKUPS, VM);
        assertThat(again.statusCode()).as(again.body()).isEqualTo(503);
        said.add(ServerProcess.json(again, 503).get("detail").asString());
        Thread.sleep(100);
      }
      assertThat(said).anySatisfy(text -> assertThat(text).contains("No space left on device"));

      Files.delete(ballast);
      awaitReady(server, 200);
      Path image = image(awaitStatus(server, running, "COMPLETED"));
      Tool.compareWithExport(image, folder.resolve("quick.sock"));
      write(9, 64);
      after = server.backup("vm");
      assertThat(after.get("status").asString()).as(after + "").isEqualTo("COMPLETED");
    } finally {
      slow.destroy();
      quick.destroy();
    }
    Tool.compare(image(after), "qcow2", disk, "qcow2");
    Tool.checkImage(image(before));
  }

  private static Process nbdkit(String... options) throws IOException {
    List<String> command = new ArrayList<>(List.of("nbdkit", "-f"));
    command.addAll(List.of(options));
    return new ProcessBuilder(command).start();
  }

  private static Path image(JsonNode backup) {
    return Path.of(backup.get("disks").get(0).get("image").asString());
  }

  /** What the server answers where it has no room for one backup more. */
  private static HttpResponse<String> untilRefused(ServerProcess server) throws Exception {
    for (int i = 0; i < 100; i++) {
      HttpResponse<String> answer = server.post(BACKUPS, VM);
      if (answer.statusCode() != 202) {
        return answer;
      }
      Thread.sleep(50);
    }
    throw new AssertionError("all were accepted");
  }

  private static void awaitReady(ServerProcess server, int status) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (server.get("/health/ready").statusCode() != status) {
      assertThat(System.nanoTime()).as("ready %s", status).isLessThan(end);
      Thread.sleep(200);
    }
  }

  private static JsonNode awaitStatus(ServerProcess server, String backup, String status)
      throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
    while (true) {
      HttpResponse<String> answer = server.get(BACKUPS + "/" + backup);
      if (answer.statusCode() == 200) {
        JsonNode now = ServerProcess.json(answer, 200);
        if (now.get("status").asString().equals(status)) {
          return now;
        }
      }
      assertThat(System.nanoTime()).as(answer.body()).isLessThan(end);
      Thread.sleep(100);
    }
  }
}
