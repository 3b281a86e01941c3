package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A bad morning: the database is gone, or was never here. */
class WithoutDatabaseIT {

  @TempDir private Path folder;

  private Program program;
  private Path repository;
  private final List<String> ids = new ArrayList<>();

  /** By backup and disk, what the disk held. */
  private final List<List<Path>> models = new ArrayList<>();

  @BeforeEach
  void backUpThreeTimesAndLoseTheDatabase() throws Exception {
    program = new Program(folder);
    repository = folder.resolve("re'po sitory");
    Files.createDirectory(folder.resolve("jobs"));
    List<Path> disks = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      disks.add(folder.resolve("d" + i + ".qcow2"));
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disks.get(i), (20 + i) + "M");
    }
    Files.writeString(
        folder.resolve("jobs/a.yaml"),
        """
        vm: "web \\u00fc ../1"
        source: { type: image, disks: [ { key: a, path: %s }, { key: b, path: %s } ] }
        repository: "%s"
        """
            .formatted(disks.get(0), disks.get(1), repository));
    for (int backup = 1; backup <= 3; backup++) {
      List<Path> model = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        String write = "write -q -P " + backup + " " + (3 * backup + i) + "M 1M";
        Tool.run("qemu-io", "-f", "qcow2", "-c", write, disks.get(i));
        model.add(folder.resolve("model-" + backup + "-" + i));
        Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disks.get(i), model.get(i));
      }
      models.add(model);
      ids.add(
          program
              .succeed("backup", folder.resolve("jobs/a.yaml").toString(), "--json")
              .json()
              .get("backup_id")
              .asString());
    }
    try (Stream<Path> files = Files.walk(program.home())) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void everyRestorePointIsListedAndRestoredByFilesAlone() throws Exception {
    JsonNode held = program.succeed("list", "--repository", "" + repository, "--json").json();

    assertThat(held.valueStream().map(point -> point.get("backup_id").asString()))
        .containsExactlyElementsOf(ids.reversed());
    assertThat(held.get(0).get("vm_name").asString()).isEqualTo("web ü ../1");
    for (int backup = 0; backup < 3; backup++) {
      Path target = folder.resolve("it's here " + backup);
      JsonNode restored =
          program
              .succeed(
                  "restore",
                  ids.get(backup),
                  "--repository",
                  "" + repository,
                  "--to",
                  "" + target,
                  "--json")
              .json();
      for (int disk = 0; disk < 2; disk++) {
        Path file = target.resolve("disk-" + disk + ".raw");
        Path model = models.get(backup).get(disk);
        Tool.compare(file, "raw", model, "raw");
        Files.delete(file);
        Tool.run("sh", "-c", restored.get("disks").get(disk).get("stock_command").asString());
        Tool.compare(file, "raw", model, "raw");
      }
    }
    assertThat(program.home()).as("nothing of a database is made").doesNotExist();
  }

  @Test
  void importedHistoryGoesOnIncrementally() throws Exception {
    JsonNode imported = program.succeed("repository", "import", "" + repository, "--json").json();

    assertThat(imported.get("restore_points").asInt()).isEqualTo(3);
    assertThat(imported.get("images").asInt()).isEqualTo(6);
    JsonNode listed = program.succeed("list", "--json").json();
    assertThat(listed.valueStream().map(backup -> backup.get("backup_id").asString()))
        .containsExactlyElementsOf(ids.reversed());
    assertThat(listed.valueStream().map(backup -> backup.get("status").asString()))
        .containsOnly("COMPLETED");
    program.succeed("verify", "--all");
    JsonNode next =
        program.succeed("backup", folder.resolve("jobs/a.yaml").toString(), "--json").json();
    for (int disk = 0; disk < 2; disk++) {
      JsonNode before = listed.get(0).get("disks").get(disk);
      JsonNode now = next.get("disks").get(disk);
      assertThat(now.get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
      assertThat(now.get("previous_change_id")).isEqualTo(before.get("change_id"));
      assertThat(now.get("backing_image")).isEqualTo(before.get("image"));
    }
    Path target = folder.resolve("next");
    program.succeed("restore", next.get("backup_id").asString(), "--to", "" + target);
    Tool.compare(target.resolve("disk-0.raw"), "raw", models.get(2).get(0), "raw");
    JsonNode again = program.succeed("repository", "import", "" + repository, "--json").json();
    assertThat(again.get("known").asInt()).isEqualTo(4);
    assertThat(again.get("images").asInt()).isZero();
  }

  @Test
  void whatIsNotWholeIsNoRestorePoint() throws Exception {
    JsonNode held = program.succeed("list", "--repository", "" + repository, "--json").json();
    Path second = Path.of(held.get(1).get("disks").get(0).get("image").asString());
    Files.delete(second);

    Program.Result result = program.run("repository", "import", "" + repository, "--json");

    assertThat(result.status()).isEqualTo(3);
    assertThat(result.json().get("restore_points").asInt()).isEqualTo(1);
    assertThat(result.json().get("problems").toString())
        .contains(second.toString(), ids.get(1) + " is no restore point", ids.get(2));
    JsonNode listed = program.succeed("list", "--json").json();
    assertThat(listed.valueStream().map(backup -> backup.get("status").asString()))
        .containsExactlyInAnyOrder("ABANDONED", "ABANDONED", "COMPLETED");
    JsonNode next =
        program.succeed("backup", folder.resolve("jobs/a.yaml").toString(), "--json").json();
    assertThat(next.get("disks").get(1).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    Path target = folder.resolve("next");
    program.succeed("restore", next.get("backup_id").asString(), "--to", "" + target);
    for (int disk = 0; disk < 2; disk++) {
      Tool.compare(target.resolve("disk-" + disk + ".raw"), "raw", models.get(2).get(disk), "raw");
    }
  }

  @Test
  void oneDiskAndUnknownOnes() throws Exception {
    String disk =
        program
            .succeed("list", "--repository", "" + repository, "--json", "--limit", "1")
            .json()
            .get(0)
            .get("disks")
            .get(1)
            .get("id")
            .asString();
    Path target = folder.resolve("one");

    program.succeed("restore", disk, "--repository", "" + repository, "--to", "" + target);

    Tool.compare(target.resolve("disk-1.raw"), "raw", models.get(2).get(1), "raw");
    assertThat(target.resolve("disk-0.raw")).doesNotExist();
    String[] unknown = {
      "restore", "backup-x", "--repository", "" + repository, "--to", "" + target
    };
    assertThat(program.run(unknown).status()).isEqualTo(4);
    assertThat(program.run("list", "--repository", "" + folder).status()).isEqualTo(1);
  }

  @Test
  void filesThatMakeNoSenseAreToldAndHideNoOthers() throws Exception {
    Path points;
    try (Stream<Path> files = Files.walk(repository)) {
      points = files.filter(file -> file.endsWith("restore-points")).findFirst().orElseThrow();
    }
    Path first = points.resolve(ids.get(0) + ".json");
    String good = Files.readString(first);
    List<String> bad =
        List.of(
            "{",
            "null",
            good.replaceFirst("\"format\" : 1", "\"format\" : 99"),
            good.replaceFirst("\"vm_id\" : \"", "\"vm_id\" : \"../../"),
            good.replaceFirst("\"backup_id\" : \"", "\"backup_id\" : \"x"),
            good.replaceFirst("\"disk_backup_id\" : \"", "\"disk_backup_id\" : \"../"),
            good.replaceFirst("\"disk_id\" : 1", "\"disk_id\" : 0"),
            good.replaceFirst("\"repository_id\" : \"", "\"repository_id\" : \"other"));
    for (String text : bad) {
      assertThat(text).isNotEqualTo(good);
      Files.writeString(first, text);
      readsOnlyTheOthers(first);
    }
    Program.Result listed = program.run("list", "--repository", "" + repository);
    assertThat(listed.status()).isEqualTo(1);
    assertThat(listed.errors()).contains(first.toString());
    assertThat(listed.output()).contains(ids.get(1), ids.get(2)).doesNotContain(ids.get(0));
  }

  private void readsOnlyTheOthers(Path first) throws IOException {
    Holdings holdings = Holdings.of(Repository.open(repository));
    assertThat(holdings.points().stream().map(RestorePoint::backupId))
        .containsExactly(ids.get(2), ids.get(1));
    assertThat(holdings.problems()).anyMatch(line -> line.contains(first.toString()));
  }
}
