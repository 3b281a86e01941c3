package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A repository is made, and looked over as a whole. */
class RepositoryCheckIT {

  @TempDir private Path folder;

  private Program program;
  private Path repository;
  private final List<String> ids = new ArrayList<>();

  @BeforeEach
  void makeProgram() {
    program = new Program(folder);
    repository = folder.resolve("repository");
  }

  private void backUpTwice() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    Path disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "20M");
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        """
        vm: web
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        """
            .formatted(disk, repository));
    for (int backup = 1; backup <= 2; backup++) {
      String write = "write -q -P " + backup + " " + backup + "M 1M";
      Tool.run("qemu-io", "-f", "qcow2", "-c", write, disk);
      ids.add(program.succeed("backup", "web", "--json").json().get("backup_id").asString());
    }
  }

  private Path file(String ending) throws IOException {
    try (Stream<Path> files = Files.walk(repository)) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList().getFirst();
    }
  }

  private Program.Result check() throws Exception {
    return program.run("repository", "check", repository.toString(), "--json");
  }

  @Test
  void oneIsMadeOnceAndNeverAmongOtherFiles() throws Exception {
    String made = program.succeed("repository", "init", repository.toString()).output();
    String again = program.succeed("repository", "init", repository.toString()).output();

    assertThat(made.strip()).hasSize(16).isEqualTo(again.strip());
    JsonNode fields = program.succeed("repository", "init", repository + "/", "--json").json();
    assertThat(fields.get("repository_id").asString()).isEqualTo(made.strip());
    Program.Result foreign = program.run("repository", "init", folder.toString());
    assertThat(foreign.status()).isEqualTo(1);
    assertThat(foreign.errors()).contains("name an empty or a new folder");
    assertThat(folder.resolve("repository.json")).doesNotExist();
    assertThat(check().status()).isZero();
    assertThat(program.home()).as("nothing of a database is made").doesNotExist();
  }

  @Test
  void whatIsWholeIsFoundSoWithAndWithoutTheDatabase() throws Exception {
    backUpTwice();
    String id = program.succeed("repository", "init", repository.toString()).output().strip();

    JsonNode byFiles = check().json();
    JsonNode byCatalog = program.succeed("repository", "check", id, "--json").json();

    byFiles
        .properties()
        .forEach(field -> assertThat(byCatalog.get(field.getKey())).isEqualTo(field.getValue()));
    assertThat(byCatalog.get("verdict").asString()).isEqualTo("CLEAN");
    String task = byCatalog.get("task_id").asString();
    assertThat(program.succeed("tasks", "--kind", "check").output())
        .containsPattern(task + " +COMPLETED +clean ");
    assertThat(program.succeed("show", task).output()).contains("nothing is wrong");
    assertThat(byFiles.get("restore_points").asInt()).isEqualTo(2);
    assertThat(byFiles.get("images").asInt()).isEqualTo(2);
    assertThat(byFiles.get("problems")).isEmpty();
    assertThat(byFiles.get("strays")).isEmpty();
    assertThat(byFiles.get("unneeded")).isEmpty();
    assertThat(program.run("repository", "check", "no-such-id").status()).isEqualTo(4);
  }

  @Test
  void everyFindingIsToldAndWhatLiesAboutWithItsAge() throws Exception {
    backUpTwice();
    Path disk = file(".qcow2").getParent();
    Path old = Files.writeString(disk.resolve("x.qcow2.partial"), "left");
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(3))));
    Files.writeString(disk.resolve("y.sums"), "half");
    Files.writeString(repository.resolve("notes.txt"), "mine");
    Files.createSymbolicLink(disk.resolve("z.qcow2"), Path.of("/etc/passwd"));
    assertThat(check().status()).as("what lies about is no fault").isZero();
    Path full = file(".qcow2");
    byte[] header = Files.readAllBytes(full);
    header[3] ^= 1;
    Files.write(full, header);

    Program.Result result = check();

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.json().get("problems").toString()).contains(full.toString());
    JsonNode strays = result.json().get("strays");
    assertThat(strays.valueStream().map(stray -> stray.get("kind").asString()))
        .containsExactlyInAnyOrder("PARTIAL", "ORPHAN", "FOREIGN", "FOREIGN");
    assertThat(
            strays
                .valueStream()
                .filter(stray -> stray.get("file").asString().equals(old.toString()))
                .map(stray -> stray.get("age_seconds").asLong()))
        .allSatisfy(age -> assertThat(age).isBetween(259_200L, 260_000L));
    assertThat(program.run("repository", "check", repository.toString()).output())
        .contains("WRONG", "partial", "orphan", "foreign", "72h");
  }

  @Test
  void catalogAndFilesThatDisagreeAreTold() throws Exception {
    backUpTwice();
    String id = program.succeed("repository", "init", repository.toString()).output().strip();
    Files.delete(repository.resolve("vms/web/restore-points/" + ids.get(1) + ".json"));
    Path disk = file(".qcow2").getParent();
    List<Path> manifests;
    try (Stream<Path> files = Files.list(disk)) {
      manifests = files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
    String text = Files.readString(manifests.get(1));
    Files.writeString(
        manifests.get(1), text.replaceFirst("\"change_id\" : \"", "\"change_id\" : \"other."));

    JsonNode found = program.run("repository", "check", id, "--json").json();

    assertThat(found.get("problems").toString())
        .contains("change id backstep.", "change id", "other.backstep.")
        .contains(ids.get(1), "a restore point in the catalog, and not in the repository");
    assertThat(found.get("unneeded")).hasSize(1);
    Files.delete(file(".qcow2"));
    JsonNode worse = program.run("repository", "check", id, "--json").json();
    assertThat(worse.get("problems").toString())
        .contains("completed in the catalog, and not in the repository", ids.get(0));
  }
}
