package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The disk under the embedded database is full, in the middle of the night. */
class FullDatabaseDiskIT {

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
}
