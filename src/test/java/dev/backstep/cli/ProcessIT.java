package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program as a process: signals, a second process beside it, a sudden death. */
class ProcessIT {

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final List<Process> started = new ArrayList<>();
  private Path socket = Path.of("");

  @TempDir private Path folder;

  /** 96 MiB that come at 24 MiB a second: long enough to be hit half way. */
  @BeforeEach
  void serveASlowDisk() throws Exception {
    Path disk = folder.resolve("disk.raw");
    byte[] content = new byte[96 << 20];
    new Random(17).nextBytes(content);
    Files.write(disk, content);
    socket = folder.resolve("s");
    start(
        "disk",
        List.of(
            "qemu-nbd",
            "--persistent",
            "--shared=8",
            "--socket=" + socket,
            "--object=throttle-group,id=slow,x-bps-read=" + (24 << 20),
            "--image-opts",
            "driver=throttle,throttle-group=slow,file.driver=file,file.filename=" + disk));
    waitUntil(() -> Files.exists(socket));
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/slow.yaml"),
        """
        vm: slow
        source: { type: nbd, disks: [ { key: vda, uri: "nbd+unix:///?socket=%s" } ] }
        repository: ../backups
        """
            .formatted(socket));
  }

  @AfterEach
  void endWhatWasStarted() throws Exception {
    for (Process process : started) {
      process.destroyForcibly().waitFor();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-TERM", "-INT"})
  void aSignalStopsAtAChunkAndRelaunchGoesOnThere(String signal) throws Exception {
    Process backup = backstep("first", "backup", "slow");
    waitUntil(() -> partialBytes() > 24 << 20);

    Tool.run("kill", signal, String.valueOf(backup.pid()));

    assertThat(exitCode(backup)).as(text("first")).isEqualTo(130);
    assertThat(text("first")).contains("STOPPED", "backstep relaunch backup-slow-");
    Process relaunch = backstep("second", "relaunch", id());
    assertThat(exitCode(relaunch)).as(text("second")).isZero();
    assertRestores();
  }

  @Test
  void aSecondProcessIsToldThatTheDatabaseIsBusy() throws Exception {
    Process backup = backstep("first", "backup", "slow");
    waitUntil(() -> partialBytes() > 0);

    assertThat(exitCode(backstep("second", "list"))).as(text("second")).isEqualTo(5);

    assertThat(text("second").lines()).hasSize(1);
    assertThat(text("second")).contains("is open in another process");
    assertThat(exitCode(backup)).isZero();
  }

  @Test
  void aKilledBackupIsRelaunched() throws Exception {
    Process backup = backstep("first", "backup", "slow");
    waitUntil(() -> partialBytes() > 24 << 20);
    backup.destroyForcibly().waitFor();
    started.remove(backup);

    assertThat(exitCode(backstep("list", "list"))).as(text("list")).isZero();
    assertThat(text("list")).contains("FAILED");
    Process recover = backstep("recover", "executions", "recover", id());
    assertThat(exitCode(recover)).as(text("recover")).isZero();
    Process relaunch = backstep("second", "relaunch", id());

    assertThat(exitCode(relaunch)).as(text("second")).isZero();
    assertRestores();
  }

  @Test
  void aFileOfTheWorkingFolderIsNoConfiguration() throws Exception {
    Files.writeString(folder.resolve("application.yaml"), "backstep.lease-ttl: refused");

    int code = exitCode(backstep("relaunch", "relaunch", "backup-unknown"));

    assertThat(code).as(text("relaunch")).isEqualTo(4);
  }

  private void assertRestores() throws Exception {
    Path to = folder.resolve("restored");
    Process restore = backstep("restore", "restore", id(), "--to", to.toString());
    assertThat(exitCode(restore)).as(text("restore")).isZero();
    Tool.compare(to.resolve("disk-0.raw"), "raw", folder.resolve("disk.raw"), "raw");
  }

  /** The only backup there is. */
  private String id() throws Exception {
    return text("first")
        .lines()
        .filter(line -> line.startsWith("backup-slow-"))
        .findFirst()
        .orElseThrow()
        .split(" ")[0];
  }

  private long partialBytes() throws IOException {
    if (!Files.isDirectory(folder.resolve("backups"))) {
      return 0;
    }
    try (var files = Files.walk(folder.resolve("backups"))) {
      return files
          .filter(file -> file.toString().endsWith(".qcow2.partial"))
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  private Process backstep(String name, String... args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                // Whoever runs the tests in the background has them ignore it, and a JVM inherits
                // it.
                "env",
                "--default-signal=INT",
                Path.of("ops", "backstep").toAbsolutePath().toString(),
                "--home",
                folder.resolve("home").toString(),
                "--jobs",
                folder.resolve("jobs").toString()));
    command.addAll(List.of(args));
    return start(name, command);
  }

  private Process start(String name, List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(name + ".txt").toFile())
            .start();
    started.add(process);
    return process;
  }

  private static int exitCode(Process process) throws InterruptedException {
    assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private String text(String name) throws IOException {
    return Files.readString(folder.resolve(name + ".txt"));
  }

  /** What every process has said so far. */
  private String texts() throws IOException {
    StringBuilder texts = new StringBuilder();
    try (var files = Files.newDirectoryStream(folder, "*.txt")) {
      for (Path file : files) {
        texts.append(file.getFileName()).append(": ").append(Files.readString(file));
      }
    }
    return texts.toString();
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private void waitUntil(Condition condition) throws Exception {
    Instant end = Instant.now().plus(PATIENCE);
    while (!condition.holds()) {
      assertThat(started).as("what runs").allMatch(Process::isAlive, texts());
      assertThat(Instant.now()).as(texts()).isBefore(end);
      Thread.sleep(20);
    }
  }
}
