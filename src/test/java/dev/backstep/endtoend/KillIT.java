package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * kill -9, at any moment, again and again: a VM of three disks is backed up by a real process that
 * is killed while it works, and relaunched, and killed again. Every restore point must give back
 * what the disks held. {@code -Dkill.rounds=N} sets the number of kills, {@code -Dkill.seed=S} the
 * seed.
 */
class KillIT {

  private static final int ROUNDS = Integer.getInteger("kill.rounds", 50);

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  private final Random random = new Random(Long.getLong("kill.seed", System.nanoTime()));
  private final Map<String, List<String>> truth = new LinkedHashMap<>();
  private final List<Path> disks = new ArrayList<>();
  private Program program;
  private int kills;
  private int points;
  private int killsThatInterrupted;

  @Test
  void everyRestorePointSurvivesEveryKill() throws Exception {
    program = new Program(folder);
    makeVm();
    while (kills < ROUNDS) {
      List<String> now = live();
      JsonNode point = backUpUntilComplete();
      truth.put(point.get("backup_id").asString(), now);
      checkPoint(point, now);
      checkNothingIsLeft();
    }
    for (JsonNode point : program.succeed("list", "--json").json()) {
      List<String> then = truth.remove(point.get("backup_id").asString());
      if (then != null) {
        checkPoint(point, then);
        points++;
      }
    }
    assertThat(truth).as("restore points that are not listed").isEmpty();
    assertThat(program.succeed("executions", "stuck", "--json").json().size()).isZero();
    new Reliability(Suite.KILL, "backup")
        .with("kills", kills)
        .with("kills in the middle of a backup", killsThatInterrupted)
        .with("restore points compared", points)
        .write();
    assertThat(killsThatInterrupted).isGreaterThan(ROUNDS / 5);
  }

  private void makeVm() throws IOException {
    StringBuilder definition = new StringBuilder("vm: victim\nsource:\n  type: image\n  disks:\n");
    for (int i = 0; i < 3; i++) {
      Path disk = folder.resolve("d" + i + (i == 2 ? ".raw" : ".qcow2"));
      disks.add(disk);
      if (i == 2) {
        Tool.run("qemu-img", "create", "-q", "-f", "raw", disk, "48M");
      } else {
        Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, (i + 1) * 150 + "M");
      }
      definition.append("    - { key: k").append(i).append(", path: ").append(disk).append(" }\n");
    }
    definition.append("repository: ").append(folder.resolve("repository")).append('\n');
    definition.append("max-parallel-disks: 3\ncbt-reset: compare\nchain-limit: 25\n");
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(folder.resolve("jobs/victim.yaml"), definition);
  }

  /** The guest writes; returns what each disk holds then. */
  private List<String> live() throws Exception {
    List<String> digests = new ArrayList<>();
    Path data = folder.resolve("data.bin");
    for (Path disk : disks) {
      boolean raw = disk.toString().endsWith(".raw");
      int size = raw ? 48 : 150;
      byte[] bytes = new byte[1 << 20];
      List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", raw ? "raw" : "qcow2"));
      random.nextBytes(bytes);
      Files.write(data, bytes);
      for (int i = 1 + random.nextInt(40); i > 0; i--) {
        long at = random.nextInt(size - 2) * (1L << 20) + random.nextInt(2000) * 512L;
        command.add("-c");
        command.add(
            random.nextInt(6) == 0
                ? "write -q -z " + at + " 1M"
                : "write -q -s " + data + " " + at + " " + (1 + random.nextInt(2047)) * 512L);
      }
      command.add(disk);
      Tool.run(command.toArray());
      digests.add(digest(disk, raw ? "raw" : "qcow2"));
    }
    return digests;
  }

  private String digest(Path disk, String format) throws Exception {
    Path raw = folder.resolve("digest.raw");
    Tool.run("qemu-img", "convert", "-f", format, "-O", "raw", disk, raw);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (InputStream in = new DigestInputStream(Files.newInputStream(raw), digest)) {
      in.transferTo(java.io.OutputStream.nullOutputStream());
    }
    Files.delete(raw);
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Launches, kills, relaunches, kills ... and lets the last one be. */
  private JsonNode backUpUntilComplete() throws Exception {
    String id = null;
    int tries = 1 + random.nextInt(3);
    for (int i = 0; i < tries && kills < ROUNDS; i++) {
      String[] command =
          id == null
              ? new String[] {"backup", "victim", "--json"}
              : new String[] {"relaunch", id, "--json"};
      killed(command);
      JsonNode newest = program.succeed("list", "--json").json();
      if (newest.isEmpty() || truth.containsKey(newest.get(0).get("backup_id").asString())) {
        continue;
      }
      id = newest.get(0).get("backup_id").asString();
      String status = newest.get(0).get("status").asString();
      if (status.equals("COMPLETED")) {
        return newest.get(0);
      }
      assertThat(status).as("the next start ends what died").isEqualTo("FAILED");
      killsThatInterrupted++;
    }
    Program.Result last =
        id == null
            ? program.succeed("backup", "victim", "--json")
            : program.succeed("relaunch", id, "--json");
    assertThat(last.json().get("status").asString()).isEqualTo("COMPLETED");
    return last.json();
  }

  /** Starts a command and kills it some time after it has begun to work. */
  private void killed(String... command) throws Exception {
    Path output = Files.createTempFile(folder, "out", ".txt");
    Path errors = Files.createTempFile(folder, "err", ".txt");
    Path log = program.home().resolve("run");
    Process process = program.start(output, errors, command);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (process.isAlive() && !hasChildren(log) && System.nanoTime() < deadline) {
      Thread.sleep(2);
    }
    Thread.sleep(random.nextInt(4) == 0 ? random.nextInt(1500) : random.nextInt(450));
    process.destroyForcibly();
    process.waitFor();
    kills++;
    Files.delete(output);
    Files.delete(errors);
  }

  private static boolean hasChildren(Path run) throws IOException {
    if (!Files.isDirectory(run)) {
      return false;
    }
    try (var files = Files.list(run)) {
      return files.anyMatch(file -> file.toString().endsWith(".child"));
    }
  }

  private void checkPoint(JsonNode shown, List<String> digests) throws Exception {
    assertThat(shown.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(shown.get("disks").size()).isEqualTo(3);
    for (JsonNode disk : shown.get("disks")) {
      Path image = Path.of(disk.get("image").asString());
      Tool.checkImage(image);
      assertThat(digest(image, "qcow2"))
          .as("%s disk %s (%s)", shown.get("backup_id"), disk.get("disk_id"), disk.get("reason"))
          .isEqualTo(digests.get(disk.get("disk_id").asInt()));
    }
  }

  private void checkNothingIsLeft() throws Exception {
    assertThat(program.leftovers("qemu-nbd")).isEmpty();
    try (var files = Files.walk(folder.resolve("repository"))) {
      assertThat(files.filter(file -> file.toString().endsWith(".partial"))).isEmpty();
    }
    for (Path disk : disks) {
      if (disk.toString().endsWith(".qcow2")) {
        String info = Tool.run("qemu-img", "info", "--output=json", disk);
        assertThat(info.split("\"backstep\\.[^\"]*\\.[0-9a-f]{8}\"", -1))
            .as("one mark stays at %s", disk)
            .hasSize(2);
      }
    }
  }
}
