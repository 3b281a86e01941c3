package dev.backstep.endtoend;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A VM of two disks whose images rot. */
abstract class RotTest {

  @TempDir Path folder;

  Program program;
  private final List<Path> disks = new ArrayList<>();

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    StringBuilder definition = new StringBuilder("vm: rot\nsource:\n  type: image\n  disks:\n");
    for (int i = 0; i < 2; i++) {
      Path disk = folder.resolve("d" + i + ".qcow2");
      disks.add(disk);
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "700M");
      write(i, 1, 0, 1);
      write(i, 2, 600, 1);
      definition.append("    - { key: k").append(i).append(", path: ").append(disk).append(" }\n");
    }
    definition.append("repository: ").append(repository()).append('\n');
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(definition(), definition);
  }

  Path definition() {
    return folder.resolve("jobs/rot.yaml");
  }

  Path repository() {
    return folder.resolve("repository");
  }

  void write(int disk, int pattern, int atMib, int mib) {
    String command = "write -q -P " + pattern + " " + atMib + "M " + mib + "M";
    Tool.run("qemu-io", "-f", "qcow2", "-c", command, disks.get(disk));
  }

  JsonNode backUp() throws Exception {
    return program.succeed("backup", "rot", "--json").json();
  }

  static String id(JsonNode backup) {
    return backup.get("backup_id").asString();
  }

  static Path image(JsonNode backup, int disk) {
    return Path.of(backup.get("disks").get(disk).get("image").asString());
  }

  static void flip(Path file, long offset, int bit) throws IOException {
    try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
      open.seek(offset);
      int old = open.read();
      open.seek(offset);
      open.write(old ^ 1 << bit);
    }
  }
}
