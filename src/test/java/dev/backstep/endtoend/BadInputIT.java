package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** What an operator gets wrong, or the world does: a clear line, and nothing left behind. */
class BadInputIT {

  private static final long MIB = 1 << 20;

  @TempDir Path folder;

  private final List<Process> started = new ArrayList<>();
  private final List<Path> mounted = new ArrayList<>();
  private Program program;
  private Path qcow2;
  private Path raw;

  @BeforeEach
  void makeDisks() throws IOException {
    program = new Program(folder);
    qcow2 = folder.resolve("a.qcow2");
    raw = folder.resolve("b.raw");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", qcow2, "64M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 8M", qcow2);
    Tool.run("qemu-img", "create", "-q", "-f", "raw", raw, "32M");
    Tool.run("qemu-io", "-f", "raw", "-c", "write -q -P 9 1M 4M", raw);
    Files.createDirectory(folder.resolve("jobs"));
  }

  @AfterEach
  void endWhatWasStarted() throws Exception {
    for (Process process : started) {
      process.destroyForcibly().waitFor();
    }
    for (Path mount : mounted) {
      Tool.run("umount", mount);
    }
  }

  private void define(String file, String vm, Path repository, String disks) throws IOException {
    Files.writeString(
        folder.resolve("jobs/" + file + ".yaml"),
        "vm: %s\nsource:\n  type: image\n  disks:\n%srepository: %s\n"
            .formatted(vm, disks, repository));
  }

  private String bothDisks() {
    return "    - { key: a, path: %s }\n    - { key: b, path: %s }\n".formatted(qcow2, raw);
  }

  private Path repository() {
    return folder.resolve("repository");
  }

  private void defineGood() throws IOException {
    define("good", "good", repository(), bothDisks());
  }

  private void assertBackupWorks(String vm) throws Exception {
    JsonNode backup = program.succeed("backup", vm, "--json").json();
    Path target = folder.resolve("restored");
    program.succeed("restore", backup.get("backup_id").asString(), "--to", target.toString());
    Tool.compare(target.resolve("disk-0.raw"), "raw", qcow2, "qcow2");
    Tool.compare(target.resolve("disk-1.raw"), "raw", raw, "raw");
    Tool.run("rm", "-rf", target);
  }

  private void assertNothingIsLeft() throws IOException {
    assertThat(marks()).as("bitmaps on the disk").isEmpty();
    assertThat(program.leftovers("qemu-nbd")).isEmpty();
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files.filter(file -> file.toString().endsWith(".partial"))).isEmpty();
    }
  }

  private List<String> marks() {
    return Tool.run("qemu-img", "info", "-U", qcow2)
        .lines()
        .map(String::strip)
        .filter(line -> line.startsWith("name: backstep."))
        .toList();
  }

  private static void assertSays(Program.Result result, int status, String... parts) {
    assertThat(result.status()).as(result.errors()).isEqualTo(status);
    assertThat(result.errors()).contains(parts).doesNotContain("\tat ");
    assertThat(result.errors().lines()).as("lines on standard error").hasSizeLessThanOrEqualTo(4);
  }

  private Process start(Object... command) throws Exception {
    Process process =
        new ProcessBuilder(Stream.of(command).map(Object::toString).toList()).inheritIO().start();
    started.add(process);
    return process;
  }

  private static void await(Path file) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!Files.exists(file)) {
      assertThat(System.nanoTime()).as("%s appears", file).isLessThan(deadline);
      Thread.sleep(5);
    }
  }

  @Test
  void diskOfARunningVmIsBusyAndNeitherDiskIsTouched() throws Exception {
    defineGood();
    Path socket = folder.resolve("vm.sock");
    started.add(Tool.writer(qcow2, "qcow2", socket));

    assertSays(program.run("backup", "good"), 5, "disk a", qcow2.toString(), "running VM");

    started.removeFirst().destroyForcibly().waitFor();
    assertNothingIsLeft();
    assertBackupWorks("good");
  }

  @Test
  void diskThatIsMissingIsNotFoundAndItsSiblingIsNotTouched() throws Exception {
    defineGood();
    Path hidden = folder.resolve("hidden");
    Files.move(raw, hidden);

    assertSays(program.run("backup", "good"), 4, "disk b", raw.toString());

    assertNothingIsLeft();
    Files.move(hidden, raw);
    assertBackupWorks("good");
  }

  @Test
  void fullRepositoryGetsItsRoomBack() throws Exception {
    Path small = Files.createDirectory(folder.resolve("small"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=3M", "none", small);
    mounted.add(small);
    define("full", "good", small, bothDisks());

    assertSays(program.run("backup", "good"), 1, small.toString(), "byte", "No space left");

    assertNothingIsLeft();
    Tool.run("mount", "-o", "remount,size=100M", small);
    assertBackupWorks("good");
  }

  @Test
  void readOnlyRepositoryIsRefusedBeforeTheDisksAreTouched() throws Exception {
    Path fixed = Files.createDirectory(folder.resolve("fixed"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=100M", "none", fixed);
    mounted.add(fixed);
    define("fixed", "good", fixed, bothDisks());
    Tool.run("mount", "-o", "remount,ro", fixed);

    assertSays(
        program.run("backup", "good"), 1, fixed.toString(), "cannot be written", "Read-only");

    assertNothingIsLeft();
    Tool.run("mount", "-o", "remount,rw", fixed);
    assertBackupWorks("good");
  }

  @Test
  void repositoryOfANewerFormatIsLeftAlone() throws Exception {
    defineGood();
    program.succeed("backup", "good");
    Path about = repository().resolve("repository.json");
    String original = Files.readString(about);
    Files.writeString(about, original.replaceFirst("\"format\"\\s*:\\s*1", "\"format\": 9"));
    List<String> before = marks();

    assertSays(program.run("backup", "good"), 1, about.toString(), "format 9");

    assertThat(marks()).isEqualTo(before);
    Files.writeString(about, original);
    assertBackupWorks("good");
  }

  @Test
  void typoInADefinitionNamesItsLineAndTheAcceptedWords() throws Exception {
    Files.writeString(
        folder.resolve("jobs/typo.yaml"),
        """
        vm: typo
        source:
          type: image
          disks:
            - { key: a, path: %s }
        repository: %s
        cbt-reset: sometimes
        """
            .formatted(qcow2, repository()));

    assertSays(program.run("backup", "typo"), 2, "typo.yaml:7:12", "sometimes", "full", "compare");

    assertNothingIsLeft();
    assertThat(repository()).doesNotExist();
  }

  @Test
  void anyNameOfAVmStaysInsideTheRepository() throws Exception {
    List<String> names =
        List.of(
            "two words",
            "Überwachung-数据-🖥",
            "../../etc/evil",
            "a'b\"c",
            "..",
            "/",
            "con\\x",
            "-rf");
    for (String name : names) {
      String quoted = "\"" + name.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
      define("odd", quoted, repository(), bothDisks());

      JsonNode backup = program.succeed("backup", "jobs/odd.yaml", "--json").json();

      assertThat(backup.get("vm_name").asString()).isEqualTo(name);
      for (JsonNode disk : backup.get("disks")) {
        assertThat(Path.of(disk.get("image").asString()).toRealPath())
            .startsWith(repository().resolve("vms").toRealPath());
      }
      assertThat(program.succeed("changeid", "--json", "--", name, "0").json().get("change_id"))
          .isEqualTo(backup.get("disks").get(0).get("change_id"));
      Path target = folder.resolve("restored");
      program.succeed("restore", backup.get("backup_id").asString(), "--to", target.toString());
      Tool.compare(target.resolve("disk-1.raw"), "raw", raw, "raw");
      Tool.run("rm", "-rf", target);
    }
    assertThat(Tool.run("find", folder, "-name", "*evil*", "-not", "-path", "*/vms/*")).isEmpty();
  }

  @Test
  void restoreTargetThatIsFullOrTakenLosesNothing() throws Exception {
    defineGood();
    String id = program.succeed("backup", "good", "--json").json().get("backup_id").asString();
    Path small = Files.createDirectory(folder.resolve("small"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=2M", "none", small);
    mounted.add(small);
    Path taken = Files.createDirectory(folder.resolve("taken"));
    Files.writeString(taken.resolve("disk-0.raw"), "precious");

    Program.Result full = program.run("restore", id, "--to", small.toString());
    assertSays(full, 1, "disk-", "No space left", "goes on where it stopped");
    assertSays(
        program.run("restore", id, "--to", taken.toString()), 1, "disk-0.raw", "another folder");
    assertSays(
        program.run("restore", id, "--to", folder.resolve("x").toString(), "--disk", "7"),
        4,
        "7",
        "0, 1");

    assertThat(taken.resolve("disk-0.raw")).hasContent("precious");
    assertThat(small.resolve("disk-0.raw")).doesNotExist();
    Tool.run("mount", "-o", "remount,size=1G", small);
    program.succeed("relaunch", full.errors().replaceAll("(?s).*(restore-[0-9-]+).*", "$1"));
    Tool.compare(small.resolve("disk-0.raw"), "raw", qcow2, "qcow2");
    program.succeed("restore", id, "--to", folder.resolve("restored").toString());
    Tool.compare(folder.resolve("restored/disk-0.raw"), "raw", qcow2, "qcow2");
  }

  @Test
  void missingBaseCostsAFullAndItsRestoreNamesTheFile() throws Exception {
    defineGood();
    JsonNode first = program.succeed("backup", "good", "--json").json();
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 3 9M 1M", qcow2);
    JsonNode second = program.succeed("backup", "good", "--json").json();
    assertThat(second.get("disks").get(0).get("level").asString()).isEqualTo("incremental");
    Path base = Path.of(first.get("disks").get(0).get("image").asString());
    Files.delete(base);

    assertSays(
        program.run(
            "restore", second.get("backup_id").asString(), "--to", folder.resolve("x").toString()),
        1,
        String.valueOf(base.getFileName()));
    JsonNode third = program.succeed("backup", "good", "--json").json();

    assertThat(third.get("disks").get(0).get("reason").asString()).isEqualTo("BASE_MISSING");
    assertThat(third.get("disks").get(0).get("level").asString()).isEqualTo("full");
    Tool.compare(
        Path.of(third.get("disks").get(0).get("image").asString()), "qcow2", qcow2, "qcow2");
  }

  @Test
  void serverThatDiesInTheMiddleIsNamedAndTheRelaunchCopiesTheRest() throws Exception {
    Path disk = folder.resolve("big.raw");
    Tool.run("qemu-img", "create", "-q", "-f", "raw", disk, "256M");
    Tool.run("qemu-io", "-f", "raw", "-c", "write -q -P 5 0 256M", disk);
    Path socket = folder.resolve("nbd.sock");
    Files.writeString(
        folder.resolve("jobs/net.yaml"),
        """
        vm: net
        source:
          type: nbd
          disks:
            - key: n
              uri: "nbd+unix:///?socket=%s"
              change-id: "52 ab/../it's \\"7\\""
        repository: %s
        """
            .formatted(socket, repository()));
    Object[] slow = {
      "nbdkit", "-f", "-U", socket, "--filter=rate", "file", disk, "rate=" + 400 * MIB
    };
    assertSays(program.run("backup", "net"), 1, "disk n", socket.toString());
    Process server = start(slow);
    await(socket);
    Path output = folder.resolve("out");
    Process backup = program.start(output, folder.resolve("err"), "backup", "net", "--json");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (partials() < 32 * MIB && backup.isAlive()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(10);
    }
    server.destroyForcibly().waitFor();

    assertThat(backup.waitFor()).isEqualTo(1);
    assertThat(Files.readString(folder.resolve("err"))).contains(socket.toString());
    assertThat(Files.readString(folder.resolve("err")).lines()).hasSizeLessThanOrEqualTo(4);
    String id = program.succeed("list", "--json").json().get(0).get("backup_id").asString();
    Files.deleteIfExists(socket);
    start(slow);
    await(socket);
    JsonNode relaunched = program.succeed("relaunch", id, "--json").json();
    Path image = Path.of(relaunched.get("disks").get(0).get("image").asString());
    String changeId = "52 ab/../it's \"7\"";
    assertThat(relaunched.get("disks").get(0).get("change_id").asString()).isEqualTo(changeId);
    assertThat(program.succeed("changeid", "net", "0").output().strip()).isEqualTo(changeId);
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", disk, "raw");
  }

  private long partials() throws IOException {
    if (!Files.isDirectory(repository())) {
      return 0;
    }
    try (Stream<Path> files = Files.walk(repository())) {
      return files
          .filter(file -> file.toString().endsWith(".partial"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  @Test
  void unknownIdsAreNotFoundByEveryVerb() throws Exception {
    for (String[] command :
        new String[][] {
          {"show", "backup-x-1"},
          {"restore", "backup-x-1", "--to", "x"},
          {"relaunch", "99"},
          {"stop", "backup-x-1"},
          {"executions", "abandon", "nothing"},
          {"executions", "recover", "nothing"},
          {"changeid", "nobody", "0"},
          {"backup", "nobody"}
        }) {
      assertSays(program.run(command), 4, "backstep: ");
    }
    defineGood();
    String id = program.succeed("backup", "good", "--json").json().get("backup_id").asString();
    assertSays(program.run("relaunch", id), 1, id, "COMPLETED");
    assertSays(program.run("stop", id), 1, id, "COMPLETED");
  }
}
