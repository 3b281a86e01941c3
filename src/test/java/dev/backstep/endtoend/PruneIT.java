package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Restore points that go, and all that must not. */
class PruneIT {

  @TempDir private Path folder;

  private Program program;
  private Path disk;

  /** The backups, and the disk as each of them found it. */
  private final List<String> ids = new ArrayList<>();

  private final List<Path> models = new ArrayList<>();

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "30M");
    Files.createDirectory(folder.resolve("jobs"));
    define("{ last: 2 }");
  }

  private void define(String retention) throws IOException {
    Files.writeString(
        folder.resolve("jobs/prune.yaml"),
        """
        vm: prune
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        retention: %s
        """
            .formatted(disk, folder.resolve("repository"), retention));
  }

  private void backUp(String level) throws Exception {
    int number = ids.size() + 1;
    String write = "write -q -P " + number + " " + number + "M 1M";
    Tool.run("qemu-io", "-f", "qcow2", "-c", write, disk);
    ids.add(
        program
            .succeed("backup", "prune", "--level", level, "--json")
            .json()
            .get("backup_id")
            .asString());
    Path model = folder.resolve("model-" + number + ".raw");
    Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, model);
    models.add(model);
  }

  private List<String> restorable() throws Exception {
    List<String> restorable = new ArrayList<>();
    for (JsonNode backup : program.succeed("list", "--json").json()) {
      if (backup.get("status").asString().equals("COMPLETED")) {
        restorable.addFirst(backup.get("backup_id").asString());
      }
    }
    return restorable;
  }

  private void restoresAsItWas(int number) throws Exception {
    Path target = folder.resolve("restored-" + number);
    program.succeed("restore", ids.get(number - 1), "--to", target.toString());
    Tool.compare(target.resolve("disk-0.raw"), "raw", models.get(number - 1), "raw");
  }

  private List<Path> images() throws IOException {
    try (var files = Files.walk(folder.resolve("repository"))) {
      return files.filter(file -> file.toString().endsWith(".qcow2")).toList();
    }
  }

  @Test
  void whatNothingKeepsGoesAndNothingElse() throws Exception {
    backUp("auto");
    backUp("auto");
    backUp("full");
    backUp("auto");
    backUp("auto");

    JsonNode plan = program.succeed("prune", "--plan", "--json").json();
    JsonNode points = plan.get("vms").get(0).get("restore_points");
    assertThat(points.valueStream().map(point -> point.get("action").asString()))
        .as("newest first; the third is a full that the fourth stands on")
        .containsExactly("keep", "keep", "needed", "drop", "drop");
    assertThat(plan.get("dropped").asInt()).isEqualTo(2);
    assertThat(restorable()).as("a plan deletes nothing").isEqualTo(ids);

    program.succeed("pin", ids.get(1));
    assertThat(program.succeed("prune", "--plan").output()).contains("0 would go");
    assertThat(program.run("delete", ids.get(1)).errors()).contains("pinned");
    program.succeed("unpin", ids.get(1));

    String stored = plan.get("plan_id").asString();
    assertThat(program.run("plans", "approve", stored).errors()).contains("another user");
    assertThat(program.succeed("plans").output()).contains(stored, "OPEN");
    assertThat(program.succeed("plans", "show", stored).output()).contains(ids.get(0), ids.get(1));
    assertThat(program.run("plans", "run", "plan-none").status()).isEqualTo(4);

    JsonNode pruned = program.succeed("plans", "run", stored, "--json").json();
    assertThat(pruned.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(pruned.get("bytes_done").asLong())
        .isEqualTo(plan.get("bytes_freed").asLong())
        .isPositive();
    assertThat(restorable()).isEqualTo(ids.subList(2, 5));
    assertThat(images()).hasSize(3);
    for (int number = 3; number <= 5; number++) {
      restoresAsItWas(number);
    }
    assertThat(program.succeed("prune").output()).contains("0 B of 0 B freed");
    backUp("auto");
    restoresAsItWas(6);
    assertThat(program.succeed("tasks", "--kind", "prune").output().lines()).hasSize(3);
    assertThat(program.succeed("plans", "show", stored, "--json").json().get("status").asString())
        .isEqualTo("RUN");
  }

  @Test
  void newestThatWasProvenStays() throws Exception {
    define("{ last: 1 }");
    backUp("auto");
    backUp("full");
    program.succeed("verify", ids.get(0));
    backUp("full");

    program.succeed("prune");

    assertThat(restorable()).containsExactly(ids.get(0), ids.get(2));
    restoresAsItWas(1);
  }

  @Test
  void withoutRetentionNothingIsAskedFor() throws Exception {
    backUp("auto");
    Files.writeString(
        folder.resolve("jobs/prune.yaml"),
        Files.readString(folder.resolve("jobs/prune.yaml")).replaceFirst("retention:.*\n", ""));

    assertThat(program.run("prune").status()).isEqualTo(2);
    assertThat(program.run("prune", "nothing").status()).isEqualTo(4);
    Files.writeString(folder.resolve("jobs/broken.yaml"), "vm: [");
    assertThat(program.run("prune").status()).as("with a definition that is broken").isEqualTo(2);
    assertThat(restorable()).isEqualTo(ids);
  }
}
