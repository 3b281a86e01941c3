package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Merges by commands, with processes that are killed on the way. */
class MergeIT {

  private static final int KILLS = Integer.getInteger("merge.kills", 2);

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  private final List<String> ids = new ArrayList<>();
  private final List<Path> models = new ArrayList<>();
  private final Random random = new Random(Long.getLong("merge.seed", System.nanoTime()));
  private Program program;
  private Path disk;

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "160M");
    Files.createDirectory(folder.resolve("jobs"));
    define(2, 60);
  }

  private void define(int last, int chainLimit) throws IOException {
    Files.writeString(
        folder.resolve("jobs/merge.yaml"),
        """
        vm: merge
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        chain-limit: %d
        retention: { last: %d }
        """
            .formatted(disk, folder.resolve("repository"), chainLimit, last));
  }

  private JsonNode backUp(int megabytes) throws Exception {
    byte[] bytes = new byte[megabytes << 20];
    random.nextBytes(bytes);
    Path data = folder.resolve("data.bin");
    Files.write(data, bytes);
    int at = random.nextInt(160 - megabytes);
    String write = "write -q -s " + data + " " + at + "M " + megabytes + "M";
    String zero = "write -q -z " + random.nextInt(150) + "M 1M";
    Tool.run("qemu-io", "-f", "qcow2", "-c", write, "-c", zero, disk);
    JsonNode backup = program.succeed("backup", "merge", "--json").json();
    ids.add(backup.get("backup_id").asString());
    Path model = folder.resolve("model-" + ids.size() + ".raw");
    Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, model);
    models.add(model);
    return backup;
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

  /** With stock qemu-img alone. */
  private void restores(String id) throws Exception {
    Path image =
        Path.of(
            program
                .succeed("show", id, "--json")
                .json()
                .get("disks")
                .get(0)
                .get("image")
                .asString());
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", models.get(ids.indexOf(id)), "raw");
  }

  @Test
  void chainsAreShortenedAndTheNextBackupStandsOnThem() throws Exception {
    for (int i = 0; i < 4; i++) {
      backUp(1);
    }
    JsonNode plan = program.succeed("merge", "--plan", "--json").json();
    assertThat(plan.get("going")).hasSize(2);
    assertThat(program.succeed("merge", "--plan").output()).contains("would go");
    assertThat(restorable()).isEqualTo(ids);

    program.succeed("merge");

    assertThat(restorable()).isEqualTo(ids.subList(2, 4));
    restores(ids.get(2));
    restores(ids.get(3));
    program.succeed("verify", "--all");
    JsonNode next = backUp(1);
    assertThat(next.get("disks").get(0).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    restores(ids.get(4));
    JsonNode oldest = program.succeed("show", ids.get(2), "--json").json().get("disks").get(0);
    assertThat(oldest.get("backing_image").isNull()).isTrue();

    define(100, 3);
    assertThat(program.succeed("merge", "--plan", "--json").json().get("roots")).hasSize(1);
    program.succeed("merge", "--json");
    restores(ids.get(3));
    restores(ids.get(4));
    assertThat(backUp(1).get("disks").get(0).get("reason").asString())
        .as("no full copy, although the chain was as long as it may be")
        .isEqualTo("CHANGED_EXTENTS");
    assertThat(program.succeed("merge").output()).contains("COMPLETED");
    assertThat(program.succeed("tasks", "--kind", "merge").output().lines()).hasSize(4);
  }

  @Test
  void mergesThatAreKilledGoOn() throws Exception {
    backUp(100);
    backUp(30);
    backUp(1);
    int interrupted = 0;
    for (int i = 0; i < KILLS; i++) {
      Process merge =
          program.start(folder.resolve("out"), folder.resolve("err"), "merge", "--consolidate");
      while (merge.isAlive() && !partials()) {
        Thread.sleep(2);
      }
      merge.waitFor(random.nextInt(250), TimeUnit.MILLISECONDS);
      interrupted += merge.isAlive() ? 1 : 0;
      merge.destroyForcibly().waitFor();
      for (String id : restorable()) {
        restores(id);
      }
      JsonNode last = program.succeed("tasks", "--kind", "merge", "--json").json().get(0);
      if (!last.get("status").asString().equals("COMPLETED") && i % 2 == 0) {
        program.succeed("relaunch", last.get("task_id").asString());
        backUp(1);
      }
    }
    program.succeed("merge");
    System.err.printf("MergeIT: %d kills, %d of them in the middle%n", KILLS, interrupted);

    assertThat(restorable()).contains(ids.getLast());
    for (String id : restorable()) {
      restores(id);
    }
    program.succeed("verify", "--all");
    String repository = folder.resolve("repository").toString();
    program.succeed("repository", "orphans", repository, "--collect", "--older-than", "0");
    assertThat(partials()).as("what a killed merge left, and no other went on with").isFalse();
    restores(ids.getLast());
  }

  private boolean partials() throws IOException {
    try (var files = Files.walk(folder.resolve("repository"))) {
      return files.anyMatch(file -> file.toString().endsWith(".merge.qcow2.partial"));
    }
  }
}
