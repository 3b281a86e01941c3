package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.QemuVm;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * A real QEMU without libvirt is backed up while its devices write. What a restore point gives back
 * is compared with what the disks held in the instant before the backup began, when nothing wrote.
 */
class QmpIT {

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  private Path vmFolder;
  private QemuVm vm;
  private Program program;
  private final Map<String, String> devices = new LinkedHashMap<>();

  @BeforeEach
  void startVm() throws Exception {
    vmFolder = Files.createTempDirectory("qv");
    Files.createDirectory(vmFolder.resolve("scratch"));
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", vmFolder.resolve("a.qcow2"), "64M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", vmFolder.resolve("b.qcow2"), "96M");
    vm = QemuVm.start(vmFolder, false);
    vm.write("d0", "write -P 1 0 24M", "write -P 2 40M 1M");
    vm.write("d1", "write -P 3 8M 16M");
    devices.put("a", "d0");
    devices.put("b", "d1");
    program = new Program(folder);
    Files.createDirectory(folder.resolve("jobs"));
    define("");
  }

  private void define(String more) throws Exception {
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source:
          type: qmp
          socket: %s
          scratch: %s
          scratch-room-mib: 1
          disks:
            - { key: vda, node: a, path: %s }
            - { key: vdb, device: d1, path: %s }
            %s
        repository: %s
        """
            .formatted(
                vm.socket(),
                vm.scratch(),
                vm.disk("a"),
                vm.disk("b"),
                more,
                folder.resolve("repository")));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      assertThat(vm.leftovers()).isEmpty();
    } finally {
      vm.close();
    }
    Tool.run("rm", "-rf", vmFolder);
  }

  /** A backup, with what its disks were. */
  private record Point(JsonNode backup, List<String> sums) {
    String levels() {
      List<String> levels = new ArrayList<>();
      for (JsonNode disk : backup.get("disks")) {
        levels.add(disk.get("level").asString() + " " + disk.get("reason").asString());
      }
      return String.join(", ", levels);
    }

    long stored() {
      long bytes = 0;
      for (JsonNode disk : backup.get("disks")) {
        bytes += disk.get("bytes_transferred").asLong();
      }
      return bytes;
    }
  }

  private List<String> sums() throws Exception {
    List<String> sums = new ArrayList<>();
    for (Map.Entry<String, String> disk : devices.entrySet()) {
      sums.add(vm.sum(disk.getKey(), disk.getValue()));
    }
    return sums;
  }

  /** Backs up while the devices write over what is being read. */
  private Point backUp() throws Exception {
    List<String> sums = sums();
    Path out = folder.resolve("out.json");
    Path err = folder.resolve("err.txt");
    Process backup = program.start(out, err, "backup", "vm", "--json");
    LibvirtGuest.await("a backup", () -> !backup.isAlive() || isRead());
    vm.write("d0", "write -P 77 1M 3M", "write -z 40M 64k", "discard 20M 1M");
    vm.write("d1", "write -P 78 9M 1M");
    assertThat(backup.waitFor()).as(Files.readString(err)).isZero();
    return new Point(Program.json(Files.readString(out)), sums);
  }

  /** Whether the disks are shown as of an instant that has passed. */
  private boolean isRead() {
    return vm.qmp("query-block-exports").size() == devices.size()
        && !vm.qmp("query-block-exports").toString().contains("e\"");
  }

  private void assertRestores(Point... points) throws Exception {
    for (Point point : points) {
      String id = point.backup().get("backup_id").asString();
      Path target = folder.resolve("restored-" + id);
      program.succeed("restore", id, "--to", target.toString(), "--format", "raw");
      List<String> restored = new ArrayList<>();
      for (JsonNode disk : point.backup().get("disks")) {
        Path raw = target.resolve("disk-" + disk.get("disk_id").asInt() + ".raw");
        restored.add(Tool.run("md5sum", raw).split(" ")[0]);
      }
      assertThat(restored).as(id).isEqualTo(point.sums());
      Tool.run("rm", "-r", target);
    }
  }

  @Test
  void eachRestorePointIsTheDisksAtItsInstant() throws Exception {
    Point full = backUp();
    vm.write("d0", "write -P 5 30M 128k", "write -z 2M 1M");
    Point incremental = backUp();
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", vm.disk("c"), "32M");
    plug();
    vm.write("d2", "write -P 6 1M 1M");
    Point withNew = backUp();
    vm.qmp("block_resize", "node-name", "c", "size", 48 << 20);
    vm.write("d2", "write -P 7 40M 64k");
    vm.qmp("block-dirty-bitmap-remove", "node", "a", "name", vm.marks("a").getFirst());
    Point resizedAndLost = backUp();

    assertThat(full.levels()).isEqualTo("full NO_BASELINE, full NO_BASELINE");
    assertThat(incremental.levels())
        .isEqualTo("incremental CHANGED_EXTENTS, incremental CHANGED_EXTENTS");
    assertThat(incremental.stored()).isLessThan(8 << 20);
    assertThat(withNew.levels())
        .isEqualTo("incremental CHANGED_EXTENTS, incremental CHANGED_EXTENTS, full NEW_DISK");
    assertThat(resizedAndLost.levels())
        .isEqualTo("full CBT_RESET, incremental CHANGED_EXTENTS, incremental CHANGED_EXTENTS");
    assertThat(vm.marks("a")).hasSize(1);
    assertRestores(full, incremental, withNew, resizedAndLost);
  }

  private void plug() throws Exception {
    vm.qmp(
        "blockdev-add",
        "driver",
        "qcow2",
        "node-name",
        "c",
        "discard",
        "unmap",
        "file",
        Map.of("driver", "file", "filename", vm.disk("c").toString()));
    vm.qmp("device_add", "driver", "virtio-blk-pci", "drive", "c", "id", "d2", "bus", "port0");
    devices.put("c", "d2");
    define("- { key: vdc, node: c }");
  }

  @Test
  void vmThatIsOffGoesOnWithTheSameChainAndOneThatWasKilledBeginsAnew() throws Exception {
    backUp();
    vm.quit();
    JsonNode off = program.succeed("backup", "vm", "--json").json();
    vm.start();
    vm.write("d0", "write -P 9 33M 64k");
    Point again = backUp();
    vm.kill();
    vm.start();
    Point afterCrash = backUp();

    assertThat(off.toString()).contains("CHANGED_EXTENTS").doesNotContain("CBT_RESET");
    assertThat(again.levels())
        .isEqualTo("incremental CHANGED_EXTENTS, incremental CHANGED_EXTENTS");
    assertThat(afterCrash.levels()).isEqualTo("full CBT_RESET, full CBT_RESET");
    assertRestores(again, afterCrash);
  }

  @Test
  void programThatIsKilledLeavesNothingThatTheNextStartDoesNotClear() throws Exception {
    backUp();
    Process killed =
        program.start(
            folder.resolve("out"), folder.resolve("err"), "backup", "vm", "--level", "full");
    LibvirtGuest.await("a backup", () -> !killed.isAlive() || isRead());
    killed.descendants().forEach(ProcessHandle::destroyForcibly);
    killed.destroyForcibly().waitFor();
    vm.write("d0", "write -P 11 50M 64k");

    Point after = backUp();

    assertThat(after.levels())
        .isEqualTo("incremental CHANGED_EXTENTS, incremental CHANGED_EXTENTS");
    assertThat(vm.marks("a")).hasSize(1);
    assertRestores(after);
  }
}
