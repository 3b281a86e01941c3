package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.ImmutableFlag;
import dev.backstep.domain.VmId;
import dev.backstep.repository.Protection;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Restore points that nobody may touch. Who runs this without the right to set the flag sees that
 * nothing is promised.
 */
class ImmutableIT {

  @TempDir private Path folder;

  private Program program;
  private Path disk;
  private boolean allowed;

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "20M");
    Files.createDirectory(folder.resolve("jobs"));
    Files.createDirectory(folder.resolve("repository"));
    allowed = isAllowed();
  }

  private boolean isAllowed() {
    try {
      ImmutableFlag.probe(folder);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Else the folder could not be removed. */
  @AfterEach
  void takeFlagsOff() throws IOException {
    for (Path file : files()) {
      if (ImmutableFlag.isSet(file)) {
        ImmutableFlag.set(file, false);
      }
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private void define(String age) throws IOException {
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        """
        vm: web
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        retention: { last: 1 }
        immutable: %s
        """
            .formatted(disk, folder.resolve("repository"), age));
  }

  private String backUp(String... options) throws Exception {
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 1M 1M", disk);
    List<String> command = new ArrayList<>(List.of("backup", "web", "--json"));
    command.addAll(List.of(options));
    JsonNode made = program.succeed(command.toArray(String[]::new)).json();
    return made.get("backup_id").asString();
  }

  private List<Path> flagged() throws IOException {
    List<Path> flagged = new ArrayList<>();
    for (Path file : files()) {
      if (ImmutableFlag.isSet(file)) {
        flagged.add(file);
      }
    }
    return flagged;
  }

  /** Of one that knows the repository by what lies in it. */
  private String planOfAnotherCatalog() throws Exception {
    Path other = Files.createDirectories(folder.resolve("other/jobs")).getParent();
    Files.copy(folder.resolve("jobs/web.yaml"), other.resolve("jobs/web.yaml"));
    Program reader = new Program(other);
    reader.succeed("repository", "import", folder.resolve("repository").toString());
    return reader.succeed("prune", "--plan").output();
  }

  @Test
  void nobodyTouchesThemBeforeTheirTimeAndRetentionDoesAfter() throws Exception {
    define("1h");
    if (!allowed) {
      nothingIsPromised(program.run("backup", "web"));
      return;
    }
    String first = backUp();
    String second = backUp();

    assertThat(flagged()).as("two of image, checksums, manifest, restore point").hasSize(8);
    for (Path file : flagged()) {
      assertThatThrownBy(() -> Files.delete(file)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> Files.write(file, new byte[1])).isInstanceOf(IOException.class);
      assertThat(Tool.run("lsattr", file).strip()).matches("\\S*i\\S* .*");
    }
    Program.Result refused = program.run("delete", second);
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.errors()).contains(second + " is immutable until 2");
    String plan = program.succeed("prune", "--plan").output();
    assertThat(plan).contains("0 would go", "immutable until 2");
    assertThat(program.succeed("prune").output()).contains("0 B of 0 B freed");
    assertThat(planOfAnotherCatalog()).contains("0 would go", "immutable until 2");
    program.succeed("verify", "--all");
    program.succeed("repository", "check", folder.resolve("repository").toString());

    define("1s");
    takeFlagsOff();
    String third = backUp("--level", "full");
    String fourth = backUp("--level", "full");
    Thread.sleep(1500);
    program.succeed("prune");
    List<String> kept = new ArrayList<>();
    for (JsonNode backup : program.succeed("list", "--json").json()) {
      if (backup.get("status").asString().equals("COMPLETED")) {
        kept.add(backup.get("backup_id").asString());
      }
    }
    assertThat(kept)
        .as("the first two are kept by their hour, whatever became of their flags")
        .containsExactly(fourth, second, first)
        .doesNotContain(third);
    assertThat(flagged().toString()).contains(fourth);
    program.succeed("delete", fourth);
    assertThat(files().toString()).doesNotContain(fourth);
  }

  @Test
  void whileFileCannotBeReadNothingIsMadeChangeable() throws Exception {
    define("1h");
    if (!allowed) {
      nothingIsPromised(program.run("backup", "web"));
      return;
    }
    backUp();
    String second = backUp();
    Path point =
        files().stream()
            .filter(file -> file.endsWith("restore-points/" + second + ".json"))
            .findFirst()
            .orElseThrow();
    ImmutableFlag.set(point, false);
    Files.writeString(point, "half");
    VmId vm = new VmId(point.getParent().getParent().getFileName().toString());
    List<Path> before = flagged();

    Repository repository = Repository.open(folder.resolve("repository"));
    assertThat(Protection.apply(repository, vm, Instant.now())).isZero();

    assertThat(flagged()).hasSize(7).containsExactlyInAnyOrderElementsOf(before);
  }

  @Test
  void whereItCannotBeHadNothingIsPromised() throws Exception {
    define("1h");
    String launcher = Path.of("ops", "backstep").toAbsolutePath().toString();
    List<String> without =
        allowed
            ? List.of(
                "setpriv", "--bounding-set", "-linux_immutable", "--inh-caps", "-linux_immutable")
            : List.of("env");

    nothingIsPromised(run(without, launcher, "backup", "web"));

    Program.Result doctor = run(without, launcher, "doctor");
    assertThat(doctor.status()).isEqualTo(1);
    assertThat(doctor.output()).contains("FAIL  web immutable", "CAP_LINUX_IMMUTABLE");
    assertThat(flagged()).isEmpty();
  }

  private Program.Result run(List<String> prefix, String launcher, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(List.of(launcher, "--home", program.home().toString()));
    command.addAll(List.of(arguments));
    Path output = folder.resolve("out");
    Path errors = folder.resolve("err");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    int status = process.waitFor();
    return new Program.Result(status, Files.readString(output), Files.readString(errors));
  }

  private static void nothingIsPromised(Program.Result result) {
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.errors())
        .contains("'immutable' is asked for and cannot be had", "leave it out");
  }
}
