package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter;
import dev.backstep.testing.Vcenter.Vm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The program beside a vCenter of its own. */
abstract class VsphereTest {

  static final long MIB = 1 << 20;

  /** Names of snapshots that tests make beside the product. */
  private static final Set<String> OF_OTHERS = Set.of("nightly", "before the update");

  @TempDir Path folder;

  final Random random = new Random(11);
  Vcenter vcenter;
  Program program;

  /** A process that was killed has left its session, which the vCenter ends by its own limit. */
  boolean killed;

  @BeforeEach
  final void start() throws IOException {
    vcenter = Vcenter.start(Files.createDirectory(folder.resolve("lab")));
    program = new Program(folder);
    Files.createDirectory(folder.resolve("jobs"));
  }

  /** However the test ended the processes: what they leave, the next ones clear up. */
  @AfterEach
  final void nothingIsLeft() {
    try {
      assertThat(vcenter.snapshots()).as("snapshots that are left").isSubsetOf(OF_OTHERS);
      assertThat(vcenter.servers()).as("children that are left").isEmpty();
      if (!killed) {
        assertThat(vcenter.openSessions()).as("sessions that are left").isZero();
      }
    } finally {
      vcenter.close();
    }
  }

  /**
   * Makes a VM and its job definition.
   *
   * @param more lines of the definition
   */
  final Vm machine(String name, boolean tracked, String more, long... disks) throws IOException {
    Vm vm = vcenter.vm(Map.of("name", name, "tracking", String.valueOf(tracked)), disks);
    define(name, name, more);
    return vm;
  }

  /**
   * Writes a job definition.
   *
   * @param selected the VM's name at the vCenter
   */
  final void define(String name, String selected, String more) throws IOException {
    define(name, "name", selected, more);
  }

  /**
   * As {@link #define(String, String, String)}.
   *
   * @param selector by what the VM is found
   */
  final void define(String name, String selector, String selected, String more) throws IOException {
    StringBuilder definition = new StringBuilder("vm: " + name + "\nsource:\n  type: vsphere\n");
    vcenter
        .settings(selector, selected)
        .forEach((key, value) ->
            definition.append("  ").append(key).append(": \"").append(value).append("\"\n"));
    definition.append("repository: ").append(folder.resolve("repository")).append('\n');
    definition.append(more);
    Files.writeString(folder.resolve("jobs/" + name + ".yaml"), definition);
  }

  /** The guest writes to each disk. */
  final void write(Vm vm) throws IOException {
    for (int key : vm.keys()) {
      vcenter.write(vm, key, random, 12);
    }
  }

  /** Snapshots that the vCenter has ever made, the newest last: morefs grow. */
  final List<String> frozen() throws IOException {
    Path all = folder.resolve("lab/frozen");
    if (!Files.exists(all)) {
      return List.of();
    }
    try (Stream<Path> folders = Files.list(all)) {
      List<String> names = new ArrayList<>();
      folders.forEach(path -> names.add(path.getFileName().toString()));
      names.sort(Comparator.comparingInt(moref -> Integer.parseInt(moref.replaceFirst(".*-", ""))));
      return names;
    }
  }

  /** What is there once it is not empty. */
  static String await(Process running, Supplier<String> what) throws Exception {
    String found = what.get();
    while (found.isEmpty()) {
      assertThat(running.isAlive()).isTrue();
      Thread.sleep(20);
      found = what.get();
    }
    return found;
  }

  /** Ids of tasks that a command says it runs. */
  final Stream<String> running(String prefix) {
    String[] notes = folder.resolve("home/run").toFile().list();
    return Arrays.stream(notes == null ? new String[0] : notes)
        .filter(note -> note.startsWith(prefix) && note.endsWith(".running"))
        .map(note -> note.replace(".running", ""));
  }

  /** A command that restores onto a VM, from the moment on that its task runs. */
  final Process restoreOnto(String vm, JsonNode point, Path output) throws Exception {
    String id = point.get("backup_id").asString();
    Process restore = program.start(output, output, "restore", id, "--onto-vm", vm);
    await(restore, () -> running("restore-").findFirst().orElse(""));
    return restore;
  }

  final void assertHoldsAll(Vm vm, JsonNode point) {
    for (JsonNode disk : point.get("disks")) {
      assertHolds(vm, disk);
    }
  }

  final void assertHolds(Vm vm, JsonNode disk) {
    Path image = Path.of(disk.get("image").asString());
    int key = Integer.parseInt(disk.get("disk_key").asString());
    Tool.compare(image, "qcow2", vcenter.live(vm, key), "raw");
  }
}
