package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Restores to every kind of target, stopped, killed and refused. */
class RestoreIT {

  @TempDir private Path folder;

  private Program program;
  private final List<String> ids = new ArrayList<>();
  private final List<Path> older = new ArrayList<>();
  private final List<Path> newer = new ArrayList<>();
  private final List<Process> servers = new ArrayList<>();

  @BeforeEach
  void backUpTwoDisksTwice() throws Exception {
    program = new Program(folder);
    List<Path> disks = new ArrayList<>();
    String[] sizes = {"64M", "20001K"};
    for (int i = 0; i < 2; i++) {
      disks.add(folder.resolve("d" + i + ".qcow2"));
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disks.get(i), sizes[i]);
      write(disks.get(i), "write -q -P 1 0 12M");
      write(disks.get(i), "write -q -P 2 20000K 1K");
    }
    Path job = folder.resolve("a.yaml");
    Files.writeString(
        job,
        "vm: a\nsource: { type: image, disks: [ { key: a, path: %s }, { key: b, path: %s } ] }\n"
                .formatted(disks.get(0), disks.get(1))
            + "repository: "
            + folder.resolve("repository")
            + "\n");
    for (List<Path> models : List.of(older, newer)) {
      ids.add(
          program.succeed("backup", job.toString(), "--json").json().get("backup_id").asString());
      for (int i = 0; i < 2; i++) {
        models.add(folder.resolve("model-" + ids.size() + "-" + i));
        Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disks.get(i), models.get(i));
        write(disks.get(i), "write -q -P 3 4M 128K");
        write(disks.get(i), "write -q -z 8M 1M");
        write(disks.get(i), "write -q -P 4 14M 64K");
      }
    }
  }

  private static void write(Path disk, String command) {
    Tool.run("qemu-io", "-f", "qcow2", "-c", command, disk);
  }

  @AfterEach
  void endServers() throws InterruptedException {
    for (Process server : servers) {
      server.destroy();
      server.waitFor(30, TimeUnit.SECONDS);
    }
  }

  private String serve(String... command) throws Exception {
    Path log = folder.resolve("server.log");
    Process server =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    servers.add(server);
    Path socket = folder.resolve("target.sock");
    for (int i = 0; i < 1500 && !Files.exists(socket); i++) {
      assertThat(server.isAlive()).as(Files.readString(log)).isTrue();
      Thread.sleep(20);
    }
    return "nbd+unix:///?socket=" + socket;
  }

  private static void same(Path file, Path model) {
    Tool.compare(file, "raw", model, "raw");
  }

  @Test
  void newFilesAreATaskAndAllOfThemAreRight() throws Exception {
    Path to = folder.resolve("to");

    JsonNode result = program.succeed("restore", ids.get(1), "--to", "" + to, "--json").json();

    assertThat(result.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(result.get("backup_id").asString()).isEqualTo(ids.get(1));
    for (int i = 0; i < 2; i++) {
      same(to.resolve("disk-" + i + ".raw"), newer.get(i));
      assertThat(Files.size(to.resolve("disk-" + i + ".raw"))).isEqualTo(Files.size(newer.get(i)));
      JsonNode disk = result.get("disks").get(i);
      assertThat(disk.get("bytes_done")).isEqualTo(disk.get("data_bytes"));
    }
    JsonNode tasks = program.succeed("tasks", "--kind", "restore", "--json").json();
    assertThat(tasks.get(0).get("task_id")).isEqualTo(result.get("task_id"));
    assertThat(program.succeed("show", result.get("task_id").asString()).output())
        .contains("disk 0", "qemu-img convert");
    program.succeed("restore", ids.getFirst(), "--to", "" + to, "--format", "qcow2", "--disk", "1");
    Tool.checkImage(to.resolve("disk-1.qcow2"));
    Tool.compare(to.resolve("disk-1.qcow2"), "qcow2", older.get(1), "raw");
    assertThat(to.toFile().list()).hasSize(3);
  }

  /** Of each form of target; images keep their names when they are merged. */
  @Test
  void linesThatArePrintedRestoreTheSameAlsoBehindAMerge() throws Exception {
    Path to = folder.resolve("it's here");
    Path over = folder.resolve("over.raw");
    Tool.run("sh", "-c", "head -c 67108864 /dev/urandom > " + over);
    String[][] restores = {
      {"restore", ids.get(1), "--to", "" + to, "--json"},
      {"restore", ids.get(1), "--to", "" + to, "--format", "qcow2", "--json"},
      {"restore", ids.get(1), "--onto", "0=" + over, "--json"},
    };
    List<JsonNode> restored = new ArrayList<>();
    for (String[] restore : restores) {
      program.succeed(restore).json().get("disks").forEach(restored::add);
    }
    assertThat(restored).hasSize(5);
    for (boolean merged : new boolean[] {false, true}) {
      if (merged) {
        program.succeed("merge", "" + folder.resolve("a.yaml"), "--consolidate");
        assertThat(program.succeed("show", ids.get(1), "--json").json().get("disks"))
            .allMatch(disk -> disk.get("backing_image").isNull());
      }
      for (JsonNode disk : restored) {
        Path file = Path.of(disk.get("file").asString());
        String line = disk.get("stock_command").asString();
        boolean isOver = file.equals(over);
        assertThat(line.contains(" -n ")).as(line).isEqualTo(isOver);
        if (isOver) {
          Tool.run("sh", "-c", "head -c 67108864 /dev/urandom > " + over);
        } else {
          Files.delete(file);
        }

        Tool.run("sh", "-c", line);

        Path model = newer.get(disk.get("disk_id").asInt());
        Tool.compare(file, file.toString().endsWith(".qcow2") ? "qcow2" : "raw", model, "raw");
      }
    }
  }

  @Test
  void blockDevicesAreWrittenOver() throws Exception {
    Path file = folder.resolve("device");
    Tool.run("sh", "-c", "head -c 80000000 /dev/urandom > " + file);
    String device = Tool.run("losetup", "--find", "--show", file).strip();
    try {
      JsonNode result =
          program.succeed("restore", ids.get(0), "--onto", "0=" + device, "--json").json();

      assertThat(result.get("status").asString()).isEqualTo("COMPLETED");
      showsDisk(device, older.getFirst());
      JsonNode disk =
          program
              .succeed("restore", ids.get(1), "--onto", "0=" + device, "--differential", "--json")
              .json()
              .at("/disks/0");
      showsDisk(device, newer.getFirst());
      assertThat(disk.get("bytes_written").asLong()).isLessThan(2 << 20);
      Tool.run("sh", "-c", "head -c 67108864 /dev/urandom > " + device);
      Tool.run("sh", "-c", disk.get("stock_command").asString());
      showsDisk(device, newer.getFirst());
    } finally {
      Tool.run("losetup", "--detach", device);
    }
  }

  /** At its front; it is larger. */
  private static void showsDisk(String device, Path model) throws Exception {
    Tool.run("cmp", "-n", Files.size(model), device, model);
  }

  @Test
  void whatIsThereIsWrittenOverWholeOrWhereItDiffers() throws Exception {
    Path first = folder.resolve("first.raw");
    Path second = folder.resolve("second.raw");
    Tool.run("sh", "-c", "head -c 40000000 /dev/urandom > " + first);
    Tool.run("sh", "-c", "head -c 20481024 /dev/urandom > " + second);

    program.succeed("restore", ids.get(0), "--onto", "0=" + first, "--onto", "1=" + second);

    same(first, older.get(0));
    same(second, older.get(1));

    JsonNode differing =
        program
            .succeed(
                "restore",
                ids.get(1),
                "--disk",
                "0",
                "--onto",
                "" + first,
                "--differential",
                "--json")
            .json()
            .get("disks")
            .get(0);

    same(first, newer.get(0));
    assertThat(differing.get("bytes_written").asLong())
        .isEqualTo((128 << 10) + (1 << 20) + (64 << 10));
    program.succeed("restore", ids.get(0), "--disk", "0", "--onto", "" + first);
    JsonNode proofs = proofs();

    JsonNode since =
        program
            .succeed(
                "restore",
                ids.get(1),
                "--disk",
                "0",
                "--onto",
                "" + first,
                "--holds",
                ids.get(0),
                "--json")
            .json()
            .get("disks")
            .get(0);

    same(first, newer.get(0));
    assertThat(since.get("bytes_written").asLong())
        .as("zeros cost no writing of data")
        .isEqualTo((128 << 10) + (64 << 10));
    assertThat(proofs.get("restored").get("execution_id").asLong()).isPositive();
    assertThat(proofs()).as("not all of it was read").isEqualTo(proofs);
  }

  private JsonNode proofs() throws Exception {
    return program.succeed("show", ids.get(1), "--json").json().at("/disks/0/ledger");
  }

  @Test
  void targetsThatCannotTakeTheDiskStayAsTheyAre() throws Exception {
    Path target = folder.resolve("target.raw");
    Tool.run("sh", "-c", "head -c 30000000 /dev/urandom > " + target);
    String before = Tool.run("sha256sum", target);
    String[][] refused = {
      {"1=" + target, "is it another disk's"},
      {"0=" + folder.resolve("nothing"), "no file or block device"},
      {"0=" + folder.resolve("d0.qcow2"), "is a QCOW2 image"},
      {"0=nbd+unix:///?socket=" + folder.resolve("none.sock"), "is the server running"},
      {"0=" + image(), "lies in the repository"},
    };
    for (String[] one : refused) {
      Program.Result result = program.run("restore", ids.get(0), "--onto", one[0]);
      assertThat(result.status()).as(one[0]).isEqualTo(1);
      assertThat(result.errors()).contains(one[1]);
    }
    Program.Result promise =
        program.run("restore", ids.get(1), "--onto", "0=" + target, "--holds", ids.get(0));

    assertThat(promise.status()).isEqualTo(1);
    assertThat(promise.errors()).contains("does not hold the restore point");
    assertThat(Tool.run("sha256sum", target)).isEqualTo(before);
    assertThat(program.run("restore", ids.get(0), "--onto", "" + target).status()).isEqualTo(2);
    assertThat(program.run("restore", ids.get(0)).status()).isEqualTo(2);
    assertThat(
            program.run("restore", ids.get(0), "--to", "" + folder, "--holds", ids.get(0)).status())
        .isEqualTo(2);
  }

  private String image() throws Exception {
    return program.succeed("show", ids.get(0), "--json").json().at("/disks/0/image").asString();
  }

  @Test
  void exportsAreWrittenThroughWhoeverServesThem() throws Exception {
    Path file = folder.resolve("target.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", file, "64M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 9 0 64M", file);
    String uri =
        serve("qemu-nbd", "-f", "qcow2", "-k", folder.resolve("target.sock") + "", "-t", "" + file);

    program.succeed("restore", ids.get(0), "--onto", "0=" + uri);

    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, older.get(0));
    JsonNode disk =
        program
            .succeed("restore", ids.get(1), "--onto", "0=" + uri, "--differential", "--json")
            .json()
            .at("/disks/0");
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, newer.get(0));
    assertThat(disk.get("bytes_written").asLong()).isLessThan(2 << 20);
  }

  @Test
  void aKilledRestoreGoesOnWhereItWas() throws Exception {
    Path file = folder.resolve("target.raw");
    Tool.run("truncate", "-s", "64M", file);
    String uri =
        serve(
            "qemu-nbd",
            "-t",
            "-k",
            folder.resolve("target.sock") + "",
            "--object",
            "throttle-group,id=slow,x-bps-write=" + (4 << 20),
            "--image-opts",
            "driver=throttle,throttle-group=slow,file.driver=raw,file.file.driver=file,"
                + "file.file.filename="
                + file);
    Path output = folder.resolve("killed.out");
    Process restore =
        program.start(
            output, folder.resolve("killed.err"), "restore", ids.get(1), "--onto", "0=" + uri);
    String id = "";
    for (int i = 0; i < 400 && id.isEmpty(); i++) {
      Thread.sleep(50);
      id = Files.readString(output).lines().findFirst().orElse("");
    }
    Thread.sleep(1500);
    restore.destroyForcibly().waitFor();

    JsonNode result = program.succeed("relaunch", id, "--json").json();

    assertThat(result.get("status").asString()).isEqualTo("COMPLETED");
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, newer.get(0));
  }
}
