package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** SHA-256 over the data, on top of images that have CRC-32C, through all that becomes of them. */
class ChecksumKindIT {

  @TempDir private Path folder;

  private Program program;
  private Path disk;

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "320M");
    Files.createDirectory(folder.resolve("jobs"));
  }

  private void define(String line) throws IOException {
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        """
        vm: web
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        %s
        """
            .formatted(disk, repository(), line));
  }

  private Path repository() {
    return folder.resolve("repository");
  }

  private void write(int pattern, int atMib, int mib) {
    String command = "write -q -P " + pattern + " " + atMib + "M " + mib + "M";
    Tool.run("qemu-io", "-f", "qcow2", "-c", command, disk);
  }

  private String backUp() throws Exception {
    return program.succeed("backup", "web", "--json").json().get("backup_id").asString();
  }

  private static String kind(Program where, String id) throws Exception {
    JsonNode shown = where.succeed("show", id, "--json").json().get("disks").get(0);
    assertThat(Files.readString(Path.of(shown.get("image").asString().replace(".qcow2", ".json"))))
        .contains("\"checksum_kind\" : \"" + shown.get("checksum_kind").asString() + "\"");
    return shown.get("checksum_kind").asString();
  }

  private static String format(Path repository) throws IOException {
    return Files.readString(repository.resolve("repository.json"));
  }

  @Test
  void mixedChainsAreVerifiedMergedCopiedImportedAndRestored() throws Exception {
    write(1, 0, 8);
    define("");
    String full = backUp();
    assertThat(format(repository())).contains("\"format\" : 1");
    write(2, 3, 2);
    define("checksum: sha-256");
    String strong = backUp();
    assertThat(format(repository())).contains("\"format\" : 2");
    write(3, 6, 1);
    define("checksum: crc32c");
    String weak = backUp();
    assertThat(kind(program, full)).isEqualTo("crc32c");
    assertThat(kind(program, strong)).isEqualTo("sha-256");
    assertThat(kind(program, weak)).isEqualTo("crc32c");
    assertThat(program.succeed("show", strong).output()).containsPattern("checksum +sha-256");
    assertThat(program.succeed("verify", "--all").output()).contains("no damage found");

    Path second = folder.resolve("second");
    program.succeed("repository", "copy", "" + repository(), "" + second);
    assertThat(format(second)).contains("\"format\" : 2");
    program.succeed("repository", "check", second.toString());
    Path restored = folder.resolve("restored");
    program.succeed("restore", weak, "--repository", "" + second, "--to", "" + restored);
    Tool.compare(restored.resolve("disk-0.raw"), "raw", disk, "qcow2");

    define("retention: { last: 1 }");
    program.succeed("merge");
    assertThat(kind(program, weak)).as("what was proven by it stays so").isEqualTo("sha-256");
    program.succeed("repository", "check", repository().toString());
    Program other = new Program(Files.createDirectories(folder.resolve("other")));
    other.succeed("repository", "import", repository().toString());
    assertThat(kind(other, weak)).isEqualTo("sha-256");
    assertThat(other.succeed("verify", weak).output()).contains("no damage found");

    Path image =
        Path.of(
            program
                .succeed("show", weak, "--json")
                .json()
                .get("disks")
                .get(0)
                .get("image")
                .asString());
    flip(image, 5 << 20);
    Program.Result damaged = program.run("verify", weak);
    assertThat(damaged.status()).isEqualTo(1);
    assertThat(damaged.output()).contains("DAMAGED  web disk 0", "SHA-256 ");
  }

  private static void flip(Path file, long offset) throws IOException {
    try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
      open.seek(offset);
      int old = open.read();
      open.seek(offset);
      open.write(old ^ 4);
    }
  }

  @Test
  void killedBackupIsGoneOnWithBySha256() throws Exception {
    write(1, 0, 320);
    define("checksum: sha-256");
    Process backup = program.start(folder.resolve("out"), folder.resolve("err"), "backup", "web");
    while (backup.isAlive() && stored() < 32 << 20) {
      Thread.sleep(2);
    }
    backup.destroyForcibly();
    assertThat(backup.waitFor(1, TimeUnit.MINUTES)).isTrue();
    JsonNode before = program.succeed("list", "--json").json().get(0);
    String id = before.get("backup_id").asString();

    if (!before.get("status").asString().equals("COMPLETED")) { // it may have been faster
      program.succeed("relaunch", id);
    }

    assertThat(kind(program, id)).isEqualTo("sha-256");
    assertThat(program.succeed("verify", id).output()).contains("no damage found");
  }

  private long stored() throws IOException {
    if (!Files.isDirectory(repository().resolve("vms"))) {
      return 0;
    }
    try (Stream<Path> files = Files.walk(repository().resolve("vms"))) {
      return files
          .filter(file -> file.toString().endsWith(".qcow2.partial"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    } catch (java.io.UncheckedIOException e) {
      return 0; // moved meanwhile
    }
  }
}
