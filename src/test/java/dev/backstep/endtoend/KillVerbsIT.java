package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/**
 * kill -9 of whatever verb works, at any moment, on each database: after each one the verb is done
 * again or gone on with, and everything is as the model has it. {@code -Dkill.verb.rounds=N} sets
 * the number of kills on each database, {@code -Dkill.check.rounds=N} that of kills of checks of
 * the repository, {@code -Dkill.seed=S} the seed.
 */
class KillVerbsIT {

  private static final int ROUNDS = Integer.getInteger("kill.verb.rounds", 25);
  private static final int CHECK_ROUNDS = Integer.getInteger("kill.check.rounds", 2);
  private static final int DISK_BYTES = 48 << 20;
  private static final int CHECK_EVERY = 8;

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  private final long seed = Long.getLong("kill.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final Map<String, List<byte[]>> model = new LinkedHashMap<>();
  private final Map<Verb, Integer> kills = new TreeMap<>();
  private Program program;
  private Path qcow2;
  private Path raw;
  private int interrupted;

  enum Database {
    H2,
    MARIADB
  }

  enum Verb {
    BACKUP,
    VERIFY,
    PRUNE,
    MERGE,
    RESTORE,
    CHECK
  }

  @ParameterizedTest
  @EnumSource
  void whateverIsKilledIsFinishedLater(Database database) throws Exception {
    program =
        new Program(
            folder, database == Database.H2 ? Map.of() : MariaDbServer.shared().newDatabase());
    makeVm();
    complete(program.succeed("backup", "victim", "--json").json());
    for (int round = 1; round <= ROUNDS; round++) {
      // Backups more often than what takes them away.
      Verb verb = Verb.values()[Math.max(0, random.nextInt(7) - 2)];
      round(verb);
      kills.merge(verb, 1, Integer::sum);
      if (round % CHECK_EVERY == 0) {
        checkAll();
      }
    }
    checkAll();
    new Reliability(Suite.KILL_VERBS, database.name())
        .with("kills", ROUNDS)
        .with("kills by verb", kills)
        .with("kills in the middle of the work", interrupted)
        .with("restore points compared at the end", model.size())
        .write();
  }

  /** Nothing of a check is in the repository, whenever it ends. */
  @ParameterizedTest
  @EnumSource
  void killedCheckIsGoneOnWithAndChangesNothing(Database database) throws Exception {
    program =
        new Program(
            folder, database == Database.H2 ? Map.of() : MariaDbServer.shared().newDatabase());
    makeVm();
    complete(program.succeed("backup", "victim", "--json").json());
    Path repository = folder.resolve("repository");
    String id = program.succeed("repository", "init", repository.toString()).output().strip();
    for (int round = 1; round <= CHECK_ROUNDS; round++) {
      live();
      complete(program.succeed("backup", "victim", "--json").json());
      Map<Path, List<Object>> before = files(repository);
      String task = "";
      while (task.isEmpty()) { // else it was killed before it had begun
        task = killed(Verb.CHECK, "repository", "check", id);
      }
      assertThat(files(repository)).as("killed, seed %s", seed).isEqualTo(before);

      goOn(task, "repository", "check", id);

      assertThat(program.succeed("show", task, "--json").json().get("status").asString())
          .as("%s, seed %s", task, seed)
          .isEqualTo("COMPLETED");
      assertThat(files(repository)).as("gone on with, seed %s", seed).isEqualTo(before);
    }
    program.succeed("prune"); // needs the lock for itself
    checkAll();
  }

  /** All that a change of a file shows in. */
  private static Map<Path, List<Object>> files(Path root) throws IOException {
    Map<Path, List<Object>> all = new TreeMap<>();
    try (Stream<Path> found = Files.walk(root)) {
      for (Path file : found.toList()) {
        Map<String, Object> is = Files.readAttributes(file, "unix:ino,size,lastModifiedTime,ctime");
        all.put(file, List.copyOf(is.values()));
      }
    }
    return all;
  }

  private void makeVm() throws IOException {
    qcow2 = folder.resolve("a.qcow2");
    raw = folder.resolve("b.raw");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", qcow2, DISK_BYTES);
    Tool.run("qemu-img", "create", "-q", "-f", "raw", raw, DISK_BYTES);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/victim.yaml"),
        """
        vm: victim
        source:
          type: image
          disks:
            - { key: a, path: %s }
            - { key: b, path: %s }
        repository: %s
        cbt-reset: compare
        chain-limit: 4
        retention: { last: 3 }
        """
            .formatted(qcow2, raw, folder.resolve("repository")));
    live();
  }

  /** The guest writes to both disks. */
  private void live() throws IOException {
    Path data = folder.resolve("data.bin");
    byte[] bytes = new byte[2 << 20];
    random.nextBytes(bytes);
    Files.write(data, bytes);
    List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
    try (RandomAccessFile file = new RandomAccessFile(raw.toFile(), "rw")) {
      for (int i = 2 + random.nextInt(6); i > 0; i--) {
        long at = random.nextInt(DISK_BYTES / 512 - 8192) * 512L;
        int length = (1 + random.nextInt(4000)) * 512;
        command.addAll(List.of("-c", "write -q -s " + data + " " + at + " " + length));
        file.seek(at);
        file.write(bytes, 0, length);
      }
    }
    command.add(qcow2);
    Tool.run(command.toArray());
  }

  private void round(Verb verb) throws Exception {
    switch (verb) {
      case BACKUP -> {
        live();
        String id = killed(verb, "backup", "victim");
        JsonNode newest = program.succeed("list", "--json").json().get(0);
        boolean begun = !model.containsKey(newest.get("backup_id").asString());
        if (!id.isEmpty()) {
          assertThat(begun).as("what a command names is in the catalog, seed %s", seed).isTrue();
        }
        if (!begun) {
          complete(program.succeed("backup", "victim", "--json").json());
        } else if (newest.get("status").asString().equals("COMPLETED")) {
          complete(newest);
        } else {
          assertThat(newest.get("status").asString()).isEqualTo("FAILED");
          interrupted++;
          String failed = newest.get("backup_id").asString();
          complete(program.succeed("relaunch", failed, "--json").json());
        }
      }
      case VERIFY -> goOn(killed(verb, "verify", "--all"), "verify", "--all");
      case PRUNE -> goOn(killed(verb, "prune"), "prune");
      case MERGE -> {
        String[] merge =
            random.nextBoolean() ? new String[] {"merge"} : new String[] {"merge", "--consolidate"};
        goOn(killed(verb, merge), merge);
      }
      case CHECK -> throw new AssertionError("has a test of its own");
      case RESTORE -> {
        Path target = folder.resolve("restored");
        String id = newest();
        goOn(
            killed(verb, "restore", id, "--to", target.toString()),
            "restore",
            id,
            "--to",
            target.toString());
        for (int disk = 0; disk < 2; disk++) {
          assertThat(Files.mismatch(target.resolve("disk-" + disk + ".raw"), model(id, disk)))
              .as("disk %s of %s, seed %s", disk, id, seed)
              .isEqualTo(-1);
        }
        Tool.run("rm", "-rf", target);
      }
    }
  }

  private Path model(String id, int disk) throws IOException {
    return Files.write(folder.resolve("model.raw"), model.get(id).get(disk));
  }

  private String newest() {
    return model.keySet().stream().reduce((first, second) -> second).orElseThrow();
  }

  /** A task that has a name is gone on with, one that has none was not begun. */
  private void goOn(String task, String... command) throws Exception {
    if (task.isEmpty()) {
      program.succeed(command);
      return;
    }
    String status = program.succeed("show", task, "--json").json().get("status").asString();
    if (!status.equals("COMPLETED")) {
      assertThat(status).as("%s, seed %s", task, seed).isEqualTo("FAILED");
      interrupted++;
      program.succeed("relaunch", task);
    }
  }

  /** Starts a command and kills it; returns the id that it has printed by then, if any. */
  private String killed(Verb verb, String... command) throws Exception {
    Path output = folder.resolve("killed.out");
    Path errors = folder.resolve("killed.err");
    Process process = program.start(output, errors, command);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (process.isAlive()
        && random.nextInt(2000) > 0
        && id(output).isEmpty()
        && System.nanoTime() < deadline) {
      Thread.sleep(2);
    }
    Thread.sleep(random.nextInt(verb == Verb.BACKUP ? 700 : 150));
    process.destroyForcibly().waitFor();
    return id(output);
  }

  private static String id(Path output) throws IOException {
    String text = Files.exists(output) ? Files.readString(output) : "";
    int end = text.indexOf('\n');
    String first = end < 0 ? "" : text.substring(0, end).strip();
    return first.matches("(backup|verify|prune|merge|restore|check)-\\S+") ? first : "";
  }

  /** A backup is complete: the disks have not changed since its snapshot. */
  private void complete(JsonNode backup) throws IOException {
    assertThat(backup.get("status").asString()).isEqualTo("COMPLETED");
    Path copy = folder.resolve("copy.raw");
    Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", qcow2, copy);
    model.put(
        backup.get("backup_id").asString(),
        List.of(Files.readAllBytes(copy), Files.readAllBytes(raw)));
    Files.delete(copy);
  }

  private void checkAll() throws Exception {
    Map<String, JsonNode> points = new HashMap<>();
    for (JsonNode point : program.succeed("list", "--json").json()) {
      assertThat(point.get("status").asString()).as("seed %s", seed).isIn("COMPLETED", "DELETED");
      if (point.get("status").asString().equals("COMPLETED")) {
        points.put(point.get("backup_id").asString(), point);
      }
    }
    model.keySet().removeIf(id -> !points.containsKey(id)); // retention's
    assertThat(points.keySet()).isEqualTo(model.keySet()).hasSizeGreaterThanOrEqualTo(1);
    for (Map.Entry<String, List<byte[]>> point : model.entrySet()) {
      JsonNode disks = points.get(point.getKey()).get("disks");
      assertThat(disks.size()).isEqualTo(2);
      for (JsonNode disk : disks) {
        Path image = Path.of(disk.get("image").asString());
        Tool.checkImage(image);
        assertThat(Acknowledged.read(image, DISK_BYTES))
            .as("%s, seed %s", image, seed)
            .isEqualTo(point.getValue().get(disk.get("disk_id").asInt()));
      }
    }
    assertThat(program.succeed("executions", "running", "--json").json().size()).isZero();
    for (JsonNode task : program.succeed("tasks", "--json").json()) {
      // One that was killed before it had said its name was left for a new one.
      assertThat(task.get("status").asString())
          .as("%s, seed %s", task, seed)
          .isIn("COMPLETED", "FAILED");
    }
    checkNothingIsLeft();
  }

  private void checkNothingIsLeft() throws IOException {
    assertThat(program.leftovers("qemu-")).isEmpty();
    try (var files = Files.walk(folder.resolve("repository"))) {
      assertThat(files.filter(file -> file.toString().endsWith(".partial"))).isEmpty();
    }
    String info = Tool.run("qemu-img", "info", "--output=json", qcow2);
    assertThat(info.split("\"backstep\\.[^\"]*\\.[0-9a-f]{8}\"", -1))
        .as("one mark stays at %s", qcow2)
        .hasSize(2);
  }
}
