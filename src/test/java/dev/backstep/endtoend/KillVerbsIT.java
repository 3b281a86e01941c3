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
 * again or gone on with, and everything is as the model has it. All verbs take turns, so that each
 * finds something to do; where too few of a verb's kills came while it worked there are more turns.
 * {@code -Dkill.verb.rounds=N} sets the number of kills on each database, {@code -Dkill.seed=S} the
 * seed.
 */
class KillVerbsIT {

  private static final int ROUNDS = Integer.getInteger("kill.verb.rounds", 25);
  private static final int DISK_BYTES = 48 << 20;

  /** The full one lets go what was before it, the one after it lets it go itself by a merge. */
  private static final List<Verb> TURN =
      List.of(
          Verb.FULL,
          Verb.BACKUP,
          Verb.VERIFY,
          Verb.PRUNE,
          Verb.BACKUP,
          Verb.MERGE,
          Verb.CHECK,
          Verb.RESTORE);

  /** So many kills of each verb came while it worked: a quarter of its turns. */
  private static final int INTERRUPTIONS_MIN = Math.max(1, ROUNDS / TURN.size() / 4);

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  private final long seed = Long.getLong("kill.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final Map<String, List<byte[]>> model = new LinkedHashMap<>();
  private final Map<Verb, Integer> kills = new TreeMap<>();
  private final Map<Verb, Integer> interrupted = new TreeMap<>();
  private final Map<Verb, Integer> pauses = new TreeMap<>();
  private Program program;
  private Path qcow2;
  private Path raw;
  private Path repository;
  private int pointsCompared;

  enum Database {
    H2,
    MARIADB
  }

  enum Verb {
    FULL(700),
    BACKUP(700),
    VERIFY(150),
    PRUNE(80),
    MERGE(150),
    RESTORE(150),
    CHECK(40);

    /** From when it has said its name to its death. */
    private final int pauseMillisMax;

    Verb(int pauseMillisMax) {
      this.pauseMillisMax = pauseMillisMax;
    }
  }

  @ParameterizedTest
  @EnumSource
  void whateverIsKilledIsFinishedLater(Database database) throws Exception {
    program =
        new Program(
            folder, database == Database.H2 ? Map.of() : MariaDbServer.shared().newDatabase());
    makeVm();
    complete(program.succeed("backup", "victim", "--json").json());
    int rounds = 0;
    while (rounds < ROUNDS || (isShort() && rounds < ROUNDS + 5 * TURN.size())) {
      Verb verb = TURN.get(rounds % TURN.size());
      kills.merge(verb, 1, Integer::sum);
      round(verb);
      if (++rounds % TURN.size() == 0) {
        checkAll();
      }
    }
    program.succeed("prune"); // needs the lock of the repository for itself
    checkAll();
    new Reliability(Suite.KILL_VERBS, database.name())
        .with("kills", rounds)
        .with("kills by verb", kills)
        .with(
            "kills in the middle of the work",
            interrupted.values().stream().mapToInt(count -> count).sum())
        .with("kills in the middle of the work, by verb", interrupted)
        .with("restore points compared", pointsCompared)
        .write();
    assertThat(kills)
        .containsOnlyKeys(Verb.values())
        .allSatisfy((verb, count) ->
            assertThat(count).as("%s", verb).isGreaterThanOrEqualTo(ROUNDS / TURN.size()));
    assertThat(isShort()).as("interrupted too seldom, seed %s: %s", seed, interrupted).isFalse();
  }

  /** Whether there is a verb of which too few kills came while it worked. */
  private boolean isShort() {
    return Stream.of(Verb.values())
        .anyMatch(verb -> interrupted.getOrDefault(verb, 0) < INTERRUPTIONS_MIN);
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
    repository = folder.resolve("repository");
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
        retention: { last: 2 }
        """
            .formatted(qcow2, raw, repository));
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
      case FULL -> backUp(verb, "backup", "victim", "--level", "full");
      case BACKUP -> backUp(verb, "backup", "victim");
      case VERIFY -> goOn(verb, "verify", "--all");
      case PRUNE -> goOn(verb, "prune");
      case MERGE -> {
        if (random.nextBoolean()) {
          goOn(verb, "merge");
        } else {
          goOn(verb, "merge", "--consolidate");
        }
      }
      case CHECK -> check();
      case RESTORE -> {
        Path target = folder.resolve("restored");
        String id = newest();
        goOn(verb, "restore", id, "--to", target.toString());
        for (int disk = 0; disk < 2; disk++) {
          assertThat(Files.mismatch(target.resolve("disk-" + disk + ".raw"), model(id, disk)))
              .as("disk %s of %s, seed %s", disk, id, seed)
              .isEqualTo(-1);
        }
        Tool.run("rm", "-rf", target);
      }
    }
  }

  private void backUp(Verb verb, String... command) throws Exception {
    live();
    String id = killed(verb, command);
    JsonNode newest = program.succeed("list", "--json").json().get(0);
    boolean begun = !model.containsKey(newest.get("backup_id").asString());
    if (!id.isEmpty()) {
      assertThat(begun).as("what a command names is in the catalog, seed %s", seed).isTrue();
    }
    if (!begun) {
      List<String> again = new ArrayList<>(List.of(command));
      again.add("--json");
      complete(program.succeed(again.toArray(String[]::new)).json());
    } else if (newest.get("status").asString().equals("COMPLETED")) {
      tooLate(verb);
      complete(newest);
    } else {
      assertThat(newest.get("status").asString()).isEqualTo("FAILED");
      interrupted(verb);
      String failed = newest.get("backup_id").asString();
      complete(program.succeed("relaunch", failed, "--json").json());
    }
  }

  /** Nothing of a check is in the repository, whenever it ends. */
  private void check() throws Exception {
    String id = program.succeed("repository", "init", repository.toString()).output().strip();
    Map<Path, List<Object>> before = files(repository);
    String[] command = {"repository", "check", id};
    String task = killed(Verb.CHECK, command);
    assertThat(files(repository)).as("killed, seed %s", seed).isEqualTo(before);

    goOn(Verb.CHECK, task, command);

    assertThat(files(repository)).as("gone on with, seed %s", seed).isEqualTo(before);
  }

  private Path model(String id, int disk) throws IOException {
    return Files.write(folder.resolve("model.raw"), model.get(id).get(disk));
  }

  private String newest() {
    return model.keySet().stream().reduce((first, second) -> second).orElseThrow();
  }

  private void goOn(Verb verb, String... command) throws Exception {
    goOn(verb, killed(verb, command), command);
  }

  /** A task that has a name is gone on with, one that has none was not begun. */
  private void goOn(Verb verb, String task, String[] command) throws Exception {
    if (task.isEmpty()) {
      program.succeed(command);
      return;
    }
    String status = program.succeed("show", task, "--json").json().get("status").asString();
    if (status.equals("COMPLETED")) {
      tooLate(verb);
      return;
    }
    assertThat(status).as("%s, seed %s", task, seed).isEqualTo("FAILED");
    interrupted(verb);
    program.succeed("relaunch", task);
  }

  private void interrupted(Verb verb) {
    interrupted.merge(verb, 1, Integer::sum);
    pauses.computeIfPresent(verb, (any, pause) -> Math.min(verb.pauseMillisMax, pause * 2));
  }

  /** It is faster than was thought. */
  private void tooLate(Verb verb) {
    pauses.put(verb, Math.max(1, pauses.getOrDefault(verb, verb.pauseMillisMax) / 4));
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
    Thread.sleep(random.nextInt(pauses.getOrDefault(verb, verb.pauseMillisMax)));
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
      pointsCompared++;
    }
    for (String asked : List.of("running", "stuck")) {
      assertThat(program.succeed("executions", asked, "--json").json().size())
          .as("%s, seed %s", asked, seed)
          .isZero();
    }
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
    try (var files = Files.walk(repository)) {
      assertThat(files.filter(file -> file.toString().endsWith(".partial"))).isEmpty();
    }
    String info = Tool.run("qemu-img", "info", "--output=json", qcow2);
    assertThat(info.split("\"backstep\\.[^\"]*\\.[0-9a-f]{8}\"", -1))
        .as("one mark stays at %s", qcow2)
        .hasSize(2);
  }
}
