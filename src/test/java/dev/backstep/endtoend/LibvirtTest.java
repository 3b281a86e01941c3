package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.VmSource;
import dev.backstep.source.libvirt.LibvirtSourceProvider;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.LibvirtHost;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Backups of a real guest, which runs in QEMU's emulator under a libvirt daemon of the test's own.
 * What a restore point gives back is compared with checksums of the disks that the guest itself
 * took while its file systems were frozen.
 */
abstract class LibvirtTest {

  /** So much that a process can be stopped while it copies that. */
  private static final int FILLED_MEBIBYTES = 56;

  static LibvirtHost host;
  static LibvirtGuest guest;
  private static int rounds;

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  Program program;

  /** One guest for all tests of this process; it ends with the process. */
  @BeforeAll
  static void startGuest() throws Exception {
    if (host == null) {
      host = LibvirtHost.start();
      guest =
          new LibvirtGuest(host, "guest", List.of(disk("a.qcow2", "64M"), disk("b.qcow2", "96M")));
      // The first start lays the program out, which takes longer than a guest likes to be frozen.
      Tool.run("ops/backstep", "--help");
    }
  }

  /** A disk with a file system. */
  static Path disk(String name, String size) {
    Path raw = host.disks().resolve(name + ".new");
    Path disk = host.disks().resolve(name);
    Tool.run("truncate", "-s", size, raw);
    // Blocks as large as the guest's pages: else its cache shows a part of a page that is not true.
    Tool.run("mkfs.ext4", "-q", "-F", "-b", "4096", raw);
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk);
    Tool.run("rm", raw);
    return host.owned(disk);
  }

  @BeforeEach
  void makeDefinition() throws IOException {
    guest.startIfOff();
    for (String name : checkpoints()) {
      if (host.tryVirsh("checkpoint-delete", "guest", name).status() != 0) {
        host.virsh("checkpoint-delete", "guest", name, "--metadata");
      }
    }
    removeBitmaps();
    program = new Program(folder);
    Files.createDirectory(folder.resolve("jobs"));
    define("quiesce: off");
  }

  void define(String settings) throws IOException {
    String hook = settings.contains("after-snapshot") ? "" : "after-snapshot: touch " + taken();
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source:
          type: libvirt
          uri: "%s"
          domain: guest
          scratch: %s
          scratch-room-mib: 1
          %s
          %s
        repository: %s
        """
            .formatted(host.uri(), host.scratch(), settings, hook, folder.resolve("repository")));
  }

  /** Whatever was done to it, no job, no file and no guest that stands still is left. */
  @AfterEach
  void nothingIsLeft() throws IOException {
    assertThat(guest.state()).matches("(running|shut off).*");
    assertThat(host.tryVirsh("backup-dumpxml", "guest").output())
        .contains("no domain backup job present");
    try (Stream<Path> files = Files.list(host.scratch())) {
      assertThat(files).isEmpty();
    }
    if (guest.state().startsWith("running")) {
      guest.run("rm -f /mnt/a/f /mnt/a/after; echo thawed > /mnt/a/thawed && sync");
    }
  }

  /** A backup whose disks' checksums the guest took in the same instant. */
  record Point(JsonNode backup, Map<String, String> sums) {

    JsonNode disk(String key) {
      for (JsonNode disk : backup.get("disks")) {
        if (disk.get("disk_key").asString().equals(key)) {
          return disk;
        }
      }
      throw new AssertionError(key + " is not in " + backup);
    }

    String levels() {
      StringBuilder levels = new StringBuilder();
      backup
          .get("disks")
          .forEach(disk ->
              levels
                  .append(disk.get("disk_key").asString())
                  .append(' ')
                  .append(disk.get("level").asString())
                  .append(' ')
                  .append(disk.get("reason").asString())
                  .append(" "));
      return levels.toString().strip();
    }
  }

  /** Freezes, lets the guest take checksums, begins a backup, thaws; the guest writes at once. */
  Point backUpLive() throws Exception {
    return backUpLive("backup", "vm");
  }

  /**
   * @param command that ends with a backup of this moment
   */
  Point backUpLive(String... command) throws Exception {
    String done = takeSums();
    Process backup = beginFrozen(command);
    assertThat(backup.waitFor()).as(Files.readString(err())).isZero();
    return new Point(Program.json(Files.readString(out())), sums(done));
  }

  /** There as soon as the newest snapshot is: libvirt tells of a job before its moment has come. */
  private Path taken() {
    return folder.resolve("taken");
  }

  /** Begins a backup of a guest that may be frozen; it is thawed behind the snapshot's moment. */
  private Process beginFrozen(String... command) throws Exception {
    List<String> words = new ArrayList<>(List.of(command));
    words.add("--json");
    Files.deleteIfExists(taken());
    Process backup = program.start(out(), err(), words.toArray(String[]::new));
    try {
      LibvirtGuest.await("a snapshot", () -> !backup.isAlive() || Files.exists(taken()));
    } finally {
      guest.thaw();
    }
    return backup;
  }

  Path out() {
    return folder.resolve("out.json");
  }

  Path err() {
    return folder.resolve("err.txt");
  }

  static boolean jobRuns() {
    return host.tryVirsh("backup-dumpxml", "guest").status() == 0;
  }

  /** Fills a part of the second disk that takes a while to copy. */
  static void fill() {
    guest.run("dd if=/dev/urandom of=/mnt/b/f bs=1M count=" + FILLED_MEBIBYTES + "; sync");
  }

  /**
   * Begins a backup and stops its process while it copies what {@link #fill} has written; the guest
   * is thawed before.
   */
  Process stopInTheMiddle() throws Exception {
    Path gate = folder.resolve("gate");
    define(
        "quiesce: off\n  hook-limit-seconds: 600\n  after-snapshot: touch "
            + taken()
            + "; while [ ! -e "
            + gate
            + " ]; do sleep 0.02; done");
    Process backup = beginFrozen("backup", "vm");
    Files.createFile(gate);
    while (backup.isAlive() && !hasCopied(".partial", 4 << 20)) {
      Thread.sleep(1);
    }
    signal(backup, "STOP");
    assertThat(hasCopied(".partial", 1)).as("in the middle: " + Files.readString(err())).isTrue();
    return backup;
  }

  static void signal(Process process, String signal) {
    Tool.run("sh", "-c", "kill -" + signal + " " + process.pid());
  }

  /** Whether the second disk's folder has a file of that name and size. */
  boolean hasCopied(String suffix, long bytes) throws IOException {
    Path repository = folder.resolve("repository");
    if (!Files.exists(repository)) {
      return false;
    }
    try (Stream<Path> files = Files.walk(repository)) {
      return files.anyMatch(file ->
          file.toString().contains("/disk-1/")
              && file.toString().endsWith(suffix)
              && file.toFile().length() >= bytes);
    } catch (UncheckedIOException e) {
      return false; // one was renamed while it was looked at
    }
  }

  /** The newest backup's id. */
  String newest() throws Exception {
    return program.succeed("list", "--json").json().get(0).get("backup_id").asString();
  }

  /**
   * Returns with the guest frozen; a write of its waits for the thaw. It reads past its cache,
   * which shows blocks of long ago: those that were not of a file when the device was last read.
   */
  String takeSums() throws IOException {
    String done = "SUMS-" + ++rounds;
    guest.begin(
        LibvirtGuest.AWAIT_WORD
            + "for d in /dev/vd?; do echo $(dd if=$d iflag=direct bs=1M | md5sum) $d; done > /tmp/"
            + done
            + "; echo "
            + done
            + " > /dev/ttyS0; dd if=/dev/urandom of=/mnt/a/after bs=64k count=100 conv=fsync");
    guest.freeze();
    guest.giveWord(done);
    return done;
  }

  static Map<String, String> sums(String done) {
    Map<String, String> sums = new LinkedHashMap<>();
    guest
        .run("cat /tmp/" + done)
        .lines()
        .forEach(line -> sums.put(line.split("/dev/")[1].strip(), line.split(" ")[0]));
    return sums;
  }

  /** Whether what the restore point gives back is what the guest had. */
  void assertRestores(Point point) throws Exception {
    String id = point.backup().get("backup_id").asString();
    Path target = folder.resolve("restored-" + id);
    program.succeed("restore", id, "--to", target.toString(), "--format", "raw");
    Map<String, String> restored = new LinkedHashMap<>();
    for (JsonNode disk : point.backup().get("disks")) {
      Path raw = target.resolve("disk-" + disk.get("disk_id").asInt() + ".raw");
      restored.put(disk.get("disk_key").asString(), Tool.run("md5sum", raw).split(" ")[0]);
    }
    assertThat(restored).isEqualTo(point.sums());
    try (Stream<Path> files = Files.list(target)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
  }

  static List<String> checkpoints() {
    List<String> names = new ArrayList<>();
    host.virsh("checkpoint-list", "guest", "--name")
        .lines()
        .map(String::strip)
        .filter(name -> !name.isEmpty())
        .forEach(names::add);
    return names;
  }

  /** The source itself, for what no command can hold open. */
  VmSource source(Path scratch) throws IOException {
    Path run = Files.createDirectories(folder.resolve("run"));
    return new LibvirtSourceProvider()
        .open(
            new SourceDefinition(
                "libvirt",
                List.of(),
                Map.of(
                    "uri",
                    host.uri(),
                    "domain",
                    "guest",
                    "scratch",
                    scratch.toString(),
                    "scratch-room-mib",
                    "0")),
            run);
  }

  /** Hot-adds a disk. */
  static void attach(Path disk, String target, String format) {
    host.virsh(
        "attach-disk",
        "guest",
        host.owned(disk),
        target,
        "--driver",
        "qemu",
        "--subdriver",
        format,
        "--live");
    LibvirtGuest.await(target, () -> guest.run("ls /dev").contains(target));
  }

  static void awaitDetached() {
    LibvirtGuest.await(
        "detached disks",
        () -> !host.virsh("domblklist", "guest").matches("(?s).*\\bvd[c-z]\\b.*"));
  }

  /** Backs the domain up while it is off; its disks are what their files show. */
  Point backUpOff(String... command) throws Exception {
    List<String> words = new ArrayList<>(List.of(command));
    words.add("--json");
    JsonNode backup = program.succeed(words.toArray(String[]::new)).json();
    Map<String, String> sums = new LinkedHashMap<>();
    for (String disk : List.of("vda", "vdb")) {
      Path raw = folder.resolve("now.raw");
      Tool.run("qemu-img", "convert", "-O", "raw", file(disk), raw);
      sums.put(disk, Tool.run("md5sum", raw).split(" ")[0]);
      Files.delete(raw);
    }
    return new Point(backup, sums);
  }

  /** The file that the guest writes a disk to. */
  static Path file(String disk) {
    return host.virsh("domblklist", "guest")
        .lines()
        .map(line -> line.strip().split("\\s+"))
        .filter(words -> words[0].equals(disk))
        .map(words -> Path.of(words[1]))
        .findFirst()
        .orElseThrow();
  }

  /** Names of our bitmaps that the running guest's QEMU keeps. */
  static Set<String> bitmaps() {
    Set<String> names = new TreeSet<>();
    forEachBitmap((node, name) -> names.add(name));
    return names;
  }

  /** Those of an earlier test that no checkpoint names. */
  private static void removeBitmaps() {
    forEachBitmap(LibvirtTest::removeBitmap);
  }

  private static void forEachBitmap(BiConsumer<JsonNode, String> each) {
    for (JsonNode node : guest.qmp("{\"execute\":\"query-named-block-nodes\"}")) {
      for (JsonNode bitmap : node.path("dirty-bitmaps")) {
        String name = bitmap.path("name").asString("");
        if (name.startsWith("backstep.")) {
          each.accept(node, name);
        }
      }
    }
  }

  static void removeBitmap(JsonNode node, String name) {
    guest.qmp(
        "{\"execute\":\"block-dirty-bitmap-remove\",\"arguments\":{\"node\":\""
            + node.path("node-name").asString()
            + "\",\"name\":\""
            + name
            + "\"}}");
  }
}
