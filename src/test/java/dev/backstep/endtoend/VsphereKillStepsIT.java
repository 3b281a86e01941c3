package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter.Vm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * kill -9 at one call to the vCenter after the other, which it keeps waiting until then: before it
 * does what it is asked, and when it has done it and nobody has heard. Then another process goes
 * on.
 */
class VsphereKillStepsIT extends VsphereTest {

  /**
   * A call of a backup.
   *
   * @param skip how many of its kind come before
   * @param about what the call has in it
   */
  private record Call(String method, int skip, String about, String hold) {
    @Override
    public String toString() {
      return method + " " + (skip + 1) + " " + about + " " + hold;
    }
  }

  /** Of the first backup of a VM whose tracking is off: its second snapshot is the backup's. */
  private static final List<Call> ENABLING =
      List.of(
          new Call("ReconfigVM_Task", 0, "", "asked"),
          new Call("ReconfigVM_Task", 0, "", "done"),
          new Call("CreateSnapshot_Task", 0, "", "done"),
          new Call("RemoveSnapshot_Task", 0, "", "asked"),
          new Call("RemoveSnapshot_Task", 0, "", "done"),
          new Call("CreateSnapshot_Task", 1, "", "done"));

  /** Of a backup of a VM that is tracked. */
  private static final List<Call> CALLS =
      List.of(
          new Call("Login", 0, "", "asked"),
          new Call("Login", 0, "", "done"),
          new Call("CreateSnapshot_Task", 0, "", "asked"),
          new Call("CreateSnapshot_Task", 0, "", "done"),
          new Call("RetrievePropertiesEx", 0, "VirtualMachineSnapshot", "asked"),
          new Call("QueryChangedDiskAreas", 0, "", "asked"),
          new Call("QueryChangedDiskAreas", 2, "", "done"),
          new Call("RemoveSnapshot_Task", 0, "", "asked"),
          new Call("RemoveSnapshot_Task", 0, "", "done"),
          new Call("Logout", 0, "", "asked"));

  @Test
  void everyCallOfABackupSurvivesAKill() throws Exception {
    Vm vm = machine("tracked", true);
    write(vm);
    program.succeed("backup", "tracked", "--json");
    for (Call call : CALLS) {
      write(vm);
      int before = frozen().size();
      killAt(call, "tracked");
      goOn(call.toString(), vm, before, 1);
    }
  }

  @Test
  void trackingThatIsBeingSwitchedOnSurvivesAKill() throws Exception {
    for (Call call : ENABLING) {
      String name = "untracked-" + ENABLING.indexOf(call);
      Vm vm = machine(name, false);
      write(vm);
      int before = frozen().size();
      killAt(call, name);
      JsonNode full = goOn(call.toString(), vm, before, 2);
      write(vm);
      JsonNode next = program.succeed("backup", name, "--json").json();
      assertThat(full.get("disks").get(0).get("change_id").isNull()).as("%s", call).isFalse();
      assertThat(next.get("disks").get(0).get("level").asString())
          .as("%s: tracking has begun", call)
          .isEqualTo("incremental");
    }
  }

  @Test
  void serversSealingAndConsolidationSurviveAKill() throws Exception {
    Vm vm = machine("tracked", true);
    write(vm);
    program.succeed("backup", "tracked", "--json");

    write(vm);
    int first = frozen().size();
    vcenter.holdServers(true);
    killWhen(() -> !vcenter.servers().isEmpty(), "backup", "tracked");
    vcenter.holdServers(false);
    goOn("a server that is being started", vm, first, 1);

    write(vm);
    int second = frozen().size();
    int images = images();
    vcenter.readDelay("100ms");
    killWhen(() -> images() > images, "backup", "tracked");
    vcenter.readDelay("");
    goOn("the first disk is sealed", vm, second, 1);

    write(vm);
    int third = frozen().size();
    vcenter.control(
        "fault", "method", "RemoveSnapshot_Task", "task", "true", "changes", "consolidation");
    killAt(new Call("ConsolidateVMDisks_Task", 0, "", "asked"), "tracked");
    goOn("consolidation", vm, third, 1);
  }

  private Vm machine(String name, boolean tracked) throws IOException {
    return machine(
        name,
        tracked,
        "max-parallel-disks: 1\ncbt-audit: { sample: 0, all-within: 0s }\n",
        4 * MIB,
        MIB,
        MIB);
  }

  private void killAt(Call call, String name) throws Exception {
    int held = vcenter.held();
    vcenter.control(
        "fault",
        "method",
        call.method(),
        "skip",
        String.valueOf(call.skip()),
        "about",
        call.about(),
        "hold",
        call.hold());
    killWhen(() -> vcenter.held() > held, "backup", name);
    vcenter.control("calm");
  }

  private void killWhen(BooleanSupplier when, String... command) throws Exception {
    Path output = Files.createTempFile(folder, "out", ".txt");
    Process process = program.start(output, output, command);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (process.isAlive() && !when.getAsBoolean() && System.nanoTime() < deadline) {
      Thread.sleep(10);
    }
    assertThat(process.isAlive()).as("%s", Files.readString(output)).isTrue();
    process.destroyForcibly().waitFor();
    killed = true;
  }

  /**
   * Relaunches what was killed; what was sealed already gets a next backup, which clears up.
   *
   * @param frozenBefore snapshots that the vCenter had made before
   * @param made how many it makes, in all, for the backup that was killed
   */
  private JsonNode goOn(String step, Vm vm, int frozenBefore, int made) throws Exception {
    int sessions = vcenter.openSessions();
    JsonNode killed = program.succeed("list", "--json").json().get(0);
    String id = killed.get("backup_id").asString();
    boolean sealed = killed.get("status").asString().equals("COMPLETED");
    JsonNode point =
        sealed
            ? program.succeed("show", id, "--json").json()
            : program.succeed("relaunch", id, "--json").json();

    List<String> frozen = frozen();
    assertThat(frozen).as("%s: snapshots made", step).hasSize(frozenBefore + made);
    assertPoint(step, point, frozen.getLast());
    if (sealed) {
      program.succeed("backup", point.get("vm_name").asString(), "--json");
    }
    assertThat(vcenter.snapshots(vm)).as("%s: snapshots left", step).isEmpty();
    assertThat(vcenter.servers()).as("%s: children left", step).isEmpty();
    assertThat(vcenter.openSessions()).as("%s: sessions", step).isLessThanOrEqualTo(sessions);
    return point;
  }

  private void assertPoint(String step, JsonNode point, String snapshot) {
    assertThat(point.get("status").asString()).as(step).isEqualTo("COMPLETED");
    assertThat(point.get("disks").size()).as(step).isEqualTo(3);
    for (JsonNode disk : point.get("disks")) {
      Path image = Path.of(disk.get("image").asString());
      Tool.checkImage(image);
      Tool.compare(
          image, "qcow2", vcenter.frozen(snapshot, disk.get("disk_key").asString()), "raw");
    }
  }

  private int images() {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return Math.toIntExact(files.filter(path -> path.toString().endsWith(".qcow2")).count());
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0; // a file went while the folder was walked
    }
  }
}
