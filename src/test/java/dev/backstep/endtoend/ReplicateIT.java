package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Replications by real processes onto files and exports: changed, resized, killed, stopped, and cut
 * off. {@code -Dkill.rounds=N} sets the number of kills, {@code -Dkill.seed=S} the seed.
 */
class ReplicateIT {

  private static final int ROUNDS = Integer.getInteger("kill.rounds", 4);

  @TempDir private Path folder;

  private final Random random = new Random(Long.getLong("kill.seed", System.nanoTime()));
  private final List<Process> servers = new ArrayList<>();
  private Program program;
  private Path root;
  private Path data;

  @BeforeEach
  void makeVm() throws Exception {
    program = new Program(folder);
    Files.createDirectory(folder.resolve("jobs"));
    root = folder.resolve("root.qcow2");
    data = folder.resolve("data.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", root, "96M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", data, "20001K");
    write(root, "write -q -P 1 0 24M");
    write(data, "write -q -P 2 3M 5M");
  }

  @AfterEach
  void endServers() throws InterruptedException {
    for (Process server : servers) {
      server.destroy();
      server.waitFor(30, TimeUnit.SECONDS);
    }
  }

  private static void write(Path disk, String... commands) {
    List<Object> line = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
    for (String command : commands) {
      line.addAll(List.of("-c", command));
    }
    line.add(disk);
    Tool.run(line.toArray());
  }

  private void define(String disks, String replicate) throws IOException {
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        "vm: web\nsource: { type: image, disks: [ "
            + disks
            + " ] }\nrepository: "
            + folder.resolve("repository")
            + "\nreplicate: { "
            + replicate
            + " }\n");
  }

  private String both() {
    return "{ key: vda, path: " + root + " }, { key: vdb, path: " + data + " }";
  }

  private Process serve(Path socket, String... command) throws Exception {
    Files.deleteIfExists(socket);
    Process server = new ProcessBuilder(command).inheritIO().start();
    servers.add(server);
    for (int i = 0; i < 300 && !Files.exists(socket); i++) {
      Thread.sleep(20);
    }
    return server;
  }

  private static JsonNode disk(JsonNode run, String key) {
    for (JsonNode disk : run.get("disks")) {
      if (disk.get("disk_key").asString().equals(key)) {
        return disk;
      }
    }
    throw new AssertionError("no disk " + key + " in " + run);
  }

  @Test
  void targetsFollowTheirDisksAndBackupsAreNotDisturbed() throws Exception {
    Path export = folder.resolve("export.qcow2");
    Path socket = folder.resolve("t.sock");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", export, "20001K");
    serve(socket, "qemu-nbd", "-f", "qcow2", "-k", socket + "", "-t", export + "");
    String uri = "nbd+unix:///?socket=" + socket;
    Path standby = folder.resolve("standby");
    define(both(), "folder: " + standby + ", to: { vdb: \"" + uri + "\" }");
    JsonNode backup = program.succeed("backup", "web", "--json").json();

    JsonNode first = program.succeed("replicate", "web", "--json").json();

    assertThat(first.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(disk(first, "vda").get("reason").asString()).isEqualTo("NO_BASELINE");
    Tool.compare(standby.resolve("vda.raw"), "raw", root, "qcow2");
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, data);
    assertThat(Tool.run("du", "-k", standby.resolve("vda.raw")).split("\\s+")[0])
        .as("sparse where the disk is")
        .satisfies(kib -> assertThat(Integer.parseInt(kib)).isLessThan(40 << 10));

    write(root, "write -q -P 3 8M 64K", "write -q -z 1M 2M");
    write(data, "write -q -P 4 20000K 1K", "write -q -z 4M 1M");
    JsonNode second = program.succeed("replicate", "web", "--verify", "--json").json();

    assertThat(disk(second, "vda").get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    assertThat(disk(second, "vda").get("bytes_written").asLong()).isLessThan(1 << 20);
    assertThat(disk(second, "vda").get("bytes_compared").asLong()).isGreaterThan(20 << 20);
    assertThat(disk(second, "vda").get("bytes_differing").asLong()).isZero();
    Tool.compare(standby.resolve("vda.raw"), "raw", root, "qcow2");
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, data);

    JsonNode again = program.succeed("backup", "web", "--json").json();
    assertThat(disk(again, "vda").get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    assertThat(disk(again, "vda").get("previous_change_id"))
        .isEqualTo(disk(backup, "vda").get("change_id"));
    Tool.run("qemu-img", "resize", "-q", root, "128M");
    write(root, "write -q -P 5 120M 1M");
    JsonNode grown = program.succeed("replicate", "web", "--json").json();
    assertThat(disk(grown, "vda").get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    assertThat(disk(grown, "vda").get("previous_change_id"))
        .isEqualTo(disk(second, "vda").get("change_id"));
    assertThat(Files.size(standby.resolve("vda.raw"))).isEqualTo(128 << 20);
    Tool.compare(standby.resolve("vda.raw"), "raw", root, "qcow2");
    JsonNode targets = program.succeed("replications", "--json").json();
    assertThat(targets.size()).isEqualTo(2);
    assertThat(targets.get(0).get("state").asString()).isEqualTo("whole");
    assertThat(targets.get(0).get("change_id")).isEqualTo(disk(grown, "vda").get("change_id"));
    String info = Tool.run("qemu-img", "info", "--output=json", root);
    assertThat(info.split("\"backstep\\.[^\"]*\\.[0-9a-f]{8}\"", -1))
        .as("one mark of the backups, one of the replication")
        .hasSize(3);
    assertThat(program.succeed("replications").output()).contains("vda.raw", "whole");
  }

  @Test
  void targetThatWasRestoredOntoIsCopiedWhole() throws Exception {
    Path export = folder.resolve("export.raw");
    Path socket = folder.resolve("t.sock");
    Tool.run("truncate", "-s", "20001K", export);
    serve(socket, "qemu-nbd", "-f", "raw", "-k", socket + "", "-t", export + "");
    String uri = "nbd+unix:///?socket=" + socket;
    define("{ key: vdb, path: " + data + " }", "to: { vdb: \"" + uri + "\" }");
    String point = program.succeed("backup", "web", "--json").json().get("backup_id").asString();
    write(data, "write -q -P 6 3M 1M");
    program.succeed("replicate", "web");
    JsonNode restore = program.succeed("restore", point, "--onto", uri, "--json").json();
    write(data, "write -q -P 7 9M 1M");

    JsonNode run = program.succeed("replicate", "web", "--json").json();

    assertThat(disk(run, "vdb").get("reason").asString()).isEqualTo("BASE_FAILED_VERIFY");
    assertThat(disk(run, "vdb").get("cause").asString())
        .contains(restore.get("task_id").asString());
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, data);
    JsonNode next = program.succeed("replicate", "web", "--json").json();
    assertThat(disk(next, "vdb").get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
  }

  @Test
  void whatIsWrongIsSaidAndTheOthersAreDone() throws Exception {
    Path standby = folder.resolve("standby");
    define(both(), "to: { vda: " + standby.resolve("a.raw") + " }");

    Program.Result unplaced = program.run("replicate", "web");

    assertThat(unplaced.status()).as("finished, with a disk left out").isEqualTo(3);
    assertThat(unplaced.errors()).contains("vdb", "nothing says where this one goes");
    Tool.compare(standby.resolve("a.raw"), "raw", root, "qcow2");

    define(both(), "to: { vda: " + standby.resolve("a.raw") + " }, exclude: [ vdb ]");
    Thread.sleep(20);
    Tool.run("qemu-io", "-f", "raw", "-c", "write -q -P 9 0 64K", standby.resolve("a.raw"));
    JsonNode meddled = program.succeed("replicate", "web", "--json").json();
    assertThat(disk(meddled, "vda").get("reason").asString()).isEqualTo("BASE_FAILED_VERIFY");
    Tool.compare(standby.resolve("a.raw"), "raw", root, "qcow2");

    define(both(), "to: { vda: " + root + " }");
    assertThat(program.run("replicate", "web").errors()).contains("where source disk 'vda' is");
    Path other = folder.resolve("other.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", other, "1M");
    define(both(), "to: { vda: " + other + " }, exclude: [ vdb ]");
    assertThat(program.run("replicate", "web").errors()).contains("is a QCOW2 image");
    define(both(), "folder: " + standby + ", schedule: { cron: \"0 0 1 * * ?\", retries: 2 }");
    assertThat(program.run("replicate", "web").status()).isEqualTo(2);
  }

  @Test
  void serverThatDiesAndRunsThatAreStoppedAreMadeUpFor() throws Exception {
    Path file = folder.resolve("target.raw");
    Path socket = folder.resolve("slow.sock");
    Tool.run("truncate", "-s", "96M", file);
    write(root, "write -q -P 7 30M 30M");
    String[] slow = {
      "nbdkit", "-f", "-U", socket + "", "--filter=rate", "file", file + "", "rate=40M"
    };
    Process server = serve(socket, slow);
    String uri = "nbd+unix:///?socket=" + socket;
    define("{ key: vda, path: " + root + " }", "to: { vda: \"" + uri + "\" }");
    Path output = folder.resolve("run.out");
    Path errors = folder.resolve("run.err");
    Process run = program.start(output, errors, "replicate", "web");
    awaitWritten(file);
    server.destroyForcibly().waitFor();
    assertThat(run.waitFor(90, TimeUnit.SECONDS)).isTrue();
    assertThat(run.exitValue()).isEqualTo(1);
    JsonNode partial = program.succeed("replications", "--json").json().get(0);
    assertThat(partial.get("state").asString()).isEqualTo("partial");
    assertThat(partial.get("change_id").isNull()).isTrue();

    serve(socket, slow);
    run = program.start(output, errors, "replicate", "web");
    awaitPartial(output);
    String id = Files.readString(output).lines().findFirst().orElseThrow();
    program.succeed("stop", id);
    assertThat(run.waitFor(90, TimeUnit.SECONDS)).isTrue();
    assertThat(run.exitValue()).as(Files.readString(errors)).isEqualTo(130);
    assertThat(program.succeed("relaunch", id, "--json").json().get("status").asString())
        .isEqualTo("COMPLETED");
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, root);
  }

  /** Waits until something has been written to a sparse file. */
  private static void awaitWritten(Path file) throws Exception {
    for (int i = 0; i < 600; i++) {
      if (Integer.parseInt(Tool.run("du", "-k", file).split("\\s+")[0]) > 3 << 10) {
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError(file + " is not written");
  }

  /** Waits until a run has begun and written for a while. */
  private void awaitPartial(Path output) throws Exception {
    for (int i = 0; i < 600 && Files.readString(output).isBlank(); i++) {
      Thread.sleep(50);
    }
    Path run = program.home().resolve("run");
    for (int i = 0; i < 600 && !hasChildren(run); i++) {
      Thread.sleep(20);
    }
    Thread.sleep(700);
  }

  private static boolean hasChildren(Path run) throws IOException {
    if (!Files.isDirectory(run)) {
      return false;
    }
    try (var files = Files.list(run)) {
      return files.anyMatch(file -> file.toString().endsWith(".child"));
    }
  }

  @Test
  void killedAtAnyMomentTheNextRunPutsItRight() throws Exception {
    Path standby = folder.resolve("standby");
    define(both(), "folder: " + standby);
    int interrupted = 0;
    for (int kills = 0; kills < ROUNDS; kills++) {
      live();
      String id = killed();
      Path then = Files.createDirectory(folder.resolve("then-" + kills));
      Tool.run("cp", root, data, then);
      if (random.nextInt(3) == 0) {
        live(); // the snapshot's moment is gone
      }
      JsonNode tasks = program.succeed("tasks", "--kind", "replicate", "--json").json();
      boolean failed = !tasks.isEmpty() && tasks.get(0).get("status").asString().equals("FAILED");
      interrupted += failed ? 1 : 0;
      boolean relaunch = failed && !id.isEmpty() && random.nextBoolean();
      JsonNode run =
          relaunch
              ? program.succeed("relaunch", id, "--json").json()
              : program.succeed("replicate", "web", "--json").json();
      assertThat(run.get("status").asString()).isEqualTo("COMPLETED");
      // A run that had nothing but its end before it keeps its moment; all disks have one moment.
      boolean ended = relaunch && hold(standby, then);
      assertThat(ended || hold(standby, folder)).as("a moment in round %s", kills).isTrue();
      Tool.run("rm", "-r", then);
      assertThat(program.leftovers("qemu-nbd")).isEmpty();
      for (Path disk : List.of(root, data)) {
        assertThat(
                Tool.run("qemu-img", "info", "--output=json", disk)
                    .split("\"backstep\\.[^\"]*\\.[0-9a-f]{8}\"", -1))
            .as("one mark stays at %s", disk)
            .hasSize(2);
      }
    }
    System.err.printf(
        "ReplicateIT: %d kills, %d of them in the middle of a run%n", ROUNDS, interrupted);
  }

  /** Whether all targets hold what the disks of a folder do. */
  private static boolean hold(Path standby, Path disks) {
    return Stream.of("vda.raw root.qcow2", "vdb.raw data.qcow2")
        .map(pair -> pair.split(" "))
        .allMatch(pair ->
            Tool.tryRun(
                        "qemu-img",
                        "compare",
                        "-f",
                        "raw",
                        "-F",
                        "qcow2",
                        standby.resolve(pair[0]),
                        disks.resolve(pair[1]))
                    .status()
                == 0);
  }

  /** The guest writes. */
  private void live() {
    for (int i = random.nextInt(8); i >= 0; i--) {
      write(root, "write -q -P " + (1 + random.nextInt(250)) + " " + random.nextInt(80) + "M 9M");
      write(data, "write -q -P " + (1 + random.nextInt(250)) + " " + random.nextInt(9) + "M 9M");
    }
  }

  /** Starts a run and kills it some time after it has begun to work. */
  private String killed() throws Exception {
    Path output = folder.resolve("killed.out");
    Process process = program.start(output, folder.resolve("killed.err"), "replicate", "web");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (process.isAlive()
        && !hasChildren(program.home().resolve("run"))
        && System.nanoTime() < deadline) {
      Thread.sleep(2);
    }
    Thread.sleep(random.nextInt(500));
    process.destroyForcibly().waitFor();
    return Files.readString(output).lines().findFirst().orElse("");
  }
}
