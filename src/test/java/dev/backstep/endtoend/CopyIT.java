package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A copy to a second repository is killed, goes on, and is all that is left in the end. */
class CopyIT {

  private static final int DISK_MIB = 400;

  @TempDir private Path folder;

  @Test
  void killedInTheMiddleItGoesOnAndIsEnoughByItself() throws Exception {
    Program program = new Program(folder);
    Path disk = folder.resolve("d.raw");
    byte[] mib = new byte[1 << 20];
    Random random = new Random(1);
    try (OutputStream out = Files.newOutputStream(disk)) {
      for (int i = 0; i < DISK_MIB; i++) {
        random.nextBytes(mib);
        out.write(mib);
      }
    }
    Files.createDirectory(folder.resolve("jobs"));
    Path repository = folder.resolve("repository");
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        """
        vm: web
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        """
            .formatted(disk, repository));
    String id = program.succeed("backup", "web", "--json").json().get("backup_id").asString();
    Path second = folder.resolve("second");
    Path output = folder.resolve("copy.out");
    Process copy =
        program.start(
            output,
            folder.resolve("copy.err"),
            "repository",
            "copy",
            repository.toString(),
            second.toString());
    while (copy.isAlive() && partials(second).isEmpty()) {
      Thread.sleep(5);
    }
    String pids =
        copy.pid() + copy.descendants().map(child -> " " + child.pid()).reduce("", String::concat);
    Tool.run("sh", "-c", "kill -STOP " + pids);
    Program other = otherInstallation(second);
    Program.Result refused = other.run("backup", "db");
    assertThat(refused.status()).as("%s", refused.errors()).isEqualTo(5);
    assertThat(refused.errors()).contains(second + ": in use by process " + copy.pid());
    copy.descendants().forEach(ProcessHandle::destroyForcibly);
    copy.destroyForcibly();
    assertThat(copy.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(partials(second)).as("killed while it copied").hasSize(1);
    assertThat(program.succeed("list", "--repository", "" + second, "--json").json()).isEmpty();
    other.succeed("backup", "db");
    String task = Files.readString(output).lines().findFirst().orElseThrow();

    JsonNode done = program.succeed("relaunch", task, "--json").json();

    assertThat(done.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(partials(second)).isEmpty();
    JsonNode checked = program.succeed("repository", "check", second.toString(), "--json").json();
    assertThat(checked.get("restore_points").asInt()).isEqualTo(2);
    delete(repository);
    delete(program.home());
    Path target = folder.resolve("restored");
    program.succeed("restore", id, "--repository", "" + second, "--to", "" + target);
    Tool.compare(target.resolve("disk-0.raw"), "raw", disk, "raw");
  }

  /** Another database that backs up another VM into the repository that is being copied to. */
  private Program otherInstallation(Path repository) throws IOException {
    Path place = Files.createDirectories(folder.resolve("other"));
    Files.createDirectory(place.resolve("jobs"));
    Files.write(place.resolve("d.raw"), new byte[1 << 20]);
    Files.writeString(
        place.resolve("jobs/db.yaml"),
        """
        vm: db
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        """
            .formatted(place.resolve("d.raw"), repository));
    return new Program(place);
  }

  private static List<Path> partials(Path repository) throws IOException {
    if (!Files.isDirectory(repository.resolve("vms"))) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(repository.resolve("vms"))) {
      return files.filter(file -> file.toString().endsWith(".qcow2.partial")).toList();
    } catch (java.io.UncheckedIOException e) {
      return List.of(); // moved meanwhile
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    }
  }
}
