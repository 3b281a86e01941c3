package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter;
import dev.backstep.testing.Vcenter.Vm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * kill -9 at each step of a backup from a vCenter, then a relaunch by another process: the same
 * snapshot, never a second one, and nothing left in the end.
 */
class VsphereKillIT {

  private static final long MIB = 1 << 20;

  @TempDir Path folder;

  private final Random random = new Random(9);

  @Test
  void everyStepSurvivesAKill() throws Exception {
    Path lab = Files.createDirectory(folder.resolve("lab"));
    try (Vcenter vcenter = Vcenter.start(lab)) {
      Vm vm = vcenter.vm("victim", 12 * MIB, 6 * MIB, 3 * MIB);
      Program program = new Program(folder);
      define(vcenter);
      write(vcenter, vm);

      // While the vCenter makes the snapshot.
      vcenter.control("fault", "method", "CreateSnapshot_Task", "task", "true", "delay", "3000");
      killWhen(program, () -> vcenter.calls("CreateSnapshot_Task") > 0, "backup", "victim");
      JsonNode full = relaunch(program);
      checkPoint(vcenter, newest(lab), full);
      assertThat(vcenter.calls("CreateSnapshot_Task")).as("snapshots made").isEqualTo(1);

      // While disks are read.
      write(vcenter, vm);
      vcenter.readDelay("300ms");
      killWhen(program, () -> !vcenter.servers().isEmpty(), "backup", "victim");
      vcenter.readDelay("");
      JsonNode incremental = relaunch(program);
      checkPoint(vcenter, newest(lab), incremental);
      assertThat(incremental.get("disks").get(0).get("level").asString()).isEqualTo("incremental");
      assertThat(vcenter.calls("CreateSnapshot_Task")).as("snapshots made").isEqualTo(2);

      // While the vCenter removes the snapshot: the restore point is sealed by then.
      write(vcenter, vm);
      int removals = vcenter.calls("RemoveSnapshot_Task");
      vcenter.control("fault", "method", "RemoveSnapshot_Task", "task", "true", "delay", "8000");
      killWhen(program, () -> vcenter.calls("RemoveSnapshot_Task") > removals, "backup", "victim");
      String snapshot = newest(lab);
      JsonNode last = program.succeed("backup", "victim", "--json").json();
      checkPoint(vcenter, newest(lab), last);
      JsonNode sealed = program.succeed("list", "--json").json().get(1);
      assertThat(sealed.get("status").asString()).isEqualTo("COMPLETED");
      checkPoint(vcenter, snapshot, program.succeed("show", id(sealed), "--json").json());
      assertThat(vcenter.calls("RemoveSnapshot_Task"))
          .as("what was being removed is waited for, not removed twice")
          .isEqualTo(removals + 2);

      assertThat(vcenter.snapshots(vm)).isEmpty();
      assertThat(vcenter.servers()).isEmpty();
    }
  }

  private void define(Vcenter vcenter) throws IOException {
    StringBuilder definition = new StringBuilder("vm: victim\nsource:\n  type: vsphere\n");
    vcenter
        .settings("name", "victim")
        .forEach((name, value) ->
            definition.append("  ").append(name).append(": \"").append(value).append("\"\n"));
    definition.append("repository: ").append(folder.resolve("repository")).append('\n');
    definition.append("max-parallel-disks: 3\n");
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(folder.resolve("jobs/victim.yaml"), definition);
  }

  private void write(Vcenter vcenter, Vm vm) throws IOException {
    for (int key : vm.keys()) {
      vcenter.write(vm, key, random, 20);
    }
  }

  private void killWhen(Program program, BooleanSupplier when, String... command) throws Exception {
    Path output = Files.createTempFile(folder, "out", ".txt");
    Process process = program.start(output, output, command);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (process.isAlive() && !when.getAsBoolean() && System.nanoTime() < deadline) {
      Thread.sleep(20);
    }
    assertThat(process.isAlive()).as("%s", Files.readString(output)).isTrue();
    process.destroyForcibly().waitFor();
  }

  private static JsonNode relaunch(Program program) throws Exception {
    JsonNode newest = program.succeed("list", "--json").json().get(0);
    assertThat(newest.get("status").asString()).isEqualTo("FAILED");
    return program.succeed("relaunch", id(newest), "--json").json();
  }

  private static String id(JsonNode backup) {
    return backup.get("backup_id").asString();
  }

  /** Morefs of snapshots grow. */
  private static String newest(Path lab) throws IOException {
    try (var folders = Files.list(lab.resolve("frozen"))) {
      return folders
          .map(path -> path.getFileName().toString())
          .max(Comparator.comparingInt(moref -> Integer.parseInt(moref.replaceFirst(".*-", ""))))
          .orElseThrow();
    }
  }

  private static void checkPoint(Vcenter vcenter, String snapshot, JsonNode shown) {
    assertThat(shown.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(shown.get("disks").size()).isEqualTo(3);
    for (JsonNode disk : shown.get("disks")) {
      Path image = Path.of(disk.get("image").asString());
      Tool.checkImage(image);
      Tool.compare(
          image, "qcow2", vcenter.frozen(snapshot, disk.get("disk_key").asString()), "raw");
    }
  }
}
