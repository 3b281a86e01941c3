package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.OperatorException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandsTests {

  private final EngineDouble engine = new EngineDouble();
  private final Stopping stopping = new Stopping();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private int engines;

  @TempDir private Path folder;

  @BeforeEach
  void defineAMachine() throws IOException {
    Files.writeString(
        folder.resolve("pg.yaml"),
        """
        vm: pg
        source: { type: image, disks: [ { key: vda, path: /vms/a.qcow2 } ] }
        repository: /backups
        level: incremental
        """);
  }

  private int run(String... args) {
    return program().run(args);
  }

  private CommandLineProgram program() {
    Engine.Starter starter =
        (home, runsJobs, verbose) -> {
          engines++;
          return engine;
        };
    return TestProgram.of(
        starter, out, err, stopping, Clock.fixed(BackupRowExamples.NIGHT, ZoneOffset.UTC));
  }

  private int runWithJobs(String... args) {
    String[] all = Arrays.copyOf(args, args.length + 2);
    all[args.length] = "--jobs";
    all[args.length + 1] = folder.toString();
    return run(all);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "--version",
        "help",
        "backup --help",
        "list --help",
        "show --help",
        "changeid --help",
        "restore --help",
        "executions --help",
        "executions recover --help",
        "stop --help",
        "relaunch --help",
        "doctor --help"
      })
  void helpNeedsNoEngineAndNamesExitCodes(String args) {
    assertThat(run(args.split(" "))).isZero();

    assertThat(engines).isZero();
    assertThat(err()).isEmpty();
    if (!args.equals("--version")) {
      assertThat(out()).contains("Usage: backstep", "Exit codes:");
    }
  }

  /** The list of commands shows the first piece of each description alone. */
  @Test
  void theListOfCommandsSaysWholeSentences() {
    assertThat(program().commandLine().getSubcommands().values())
        .extracting(command -> command.getCommandSpec().usageMessage().description()[0])
        .hasSizeGreaterThan(20)
        .allMatch(text -> text.endsWith("."));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      textBlock =
          """
          `` ; what to do?
          bakup ; did you mean 'backup'?
          executions lst ; did you mean 'list'?
          list --limt 3 ; did you mean '--limit'?
          list --limit x ; 'x' is not an int
          backup ; FILE|VM
          restore backup-pg-0 ; --to
          """)
  void wrongUsageIsOneLineAndCodeTwo(String args, String expected) {
    assertThat(run(args.isEmpty() ? new String[0] : args.split(" "))).isEqualTo(2);

    assertThat(err().lines()).hasSize(1);
    assertThat(err()).contains(expected, "; see backstep");
    assertThat(engines).isZero();
    assertThat(out()).isEmpty();
  }

  @Test
  void everyErrorKindHasItsCode() {
    List<OperatorException> errors =
        List.of(
            OperatorException.failed("f", null),
            OperatorException.usage("u", null),
            OperatorException.notFound("n"),
            OperatorException.busy("b", null),
            OperatorException.stopped("s"));

    assertThat(errors).extracting(e -> ExitCode.of(e).code()).containsExactly(1, 2, 4, 5, 130);
    assertThat(ExitCode.of(new RuntimeException("outer", errors.get(3))).code()).isEqualTo(5);
    assertThat(ExitCode.of(new IllegalStateException("a bug")).code()).isEqualTo(1);
    assertThat(ExitCode.of(new IllegalStateException("a bug")).expected()).isFalse();
  }

  @Test
  void aRefusedBackupIsOneLineOnStandardError() {
    engine.refusal = EngineDouble.busy("pg is being backed up");

    assertThat(runWithJobs("backup", "pg")).isEqualTo(5);
    assertThat(err()).isEqualTo("backstep: pg is being backed up" + System.lineSeparator());
    assertThat(out()).isEmpty();
    assertThat(engine.asked).containsExactly("launch pg INCREMENTAL", "close");
  }

  @Test
  void aBugSaysWhereToLook() {
    engine.refusal = new IllegalStateException("unthinkable");

    assertThat(runWithJobs("backup", "pg")).isEqualTo(1);
    assertThat(err().lines()).containsExactly("backstep: unthinkable; --verbose shows where");
  }

  @Test
  void verboseShowsTheStackTrace() {
    engine.refusal = new IllegalStateException("unthinkable");

    assertThat(run("backup", "--verbose", folder.resolve("pg.yaml").toString())).isEqualTo(1);
    assertThat(err()).contains("backstep: unthinkable\n", "at " + CommandsTests.class.getName());
  }

  @Test
  void backupPrintsWhatItBecame() {
    engine.rows.add(
        BackupRowExamples.backup("0", Status.COMPLETED, BackupRowExamples.full("0", 0, 100 << 20)));
    engine.outcome =
        BackupRowExamples.backup(
            "1", Status.COMPLETED, BackupRowExamples.incremental("1", 0, 5 << 20, "0"));

    assertThat(runWithJobs("backup", "pg")).isZero();
    assertThat(out())
        .contains(
            "disk 0 vda: incremental (CHANGED_EXTENTS), 100% of 4.0 MiB, completed",
            "backup-pg-1  COMPLETED",
            "level       incremental (CHANGED_EXTENTS)",
            "read        3.0 MiB (3145728 bytes)",
            "stored      5.0 MiB (5242880 bytes), 95.0% less than the last full backup's 100 MiB",
            "change id   mark-before -> mark-1",
            "image       /backups/vms/pg/disk-0/backup-pg-disk0-1.qcow2",
            "backing     /backups/vms/pg/disk-0/backup-pg-disk0-0.qcow2");
    assertThat(err()).isEmpty();
  }

  @Test
  void backupAsJsonPrintsNothingElse() {
    engine.outcome =
        BackupRowExamples.backup(
            "1",
            Status.COMPLETED,
            BackupRowExamples.incremental("1", 0, 5, "0"),
            BackupRowExamples.full("1", 1, 9));

    assertThat(runWithJobs("backup", "pg", "--json", "--level", "full")).isZero();

    assertThat(engine.asked).contains("launch pg FULL");
    assertThat(err()).isEmpty();
    var json = JsonPath.parse(out());
    assertThat(json.read("$.backup_id", String.class)).isEqualTo("backup-pg-1");
    assertThat(json.read("$.vm_name", String.class)).isEqualTo("pg");
    assertThat(json.read("$.status", String.class)).isEqualTo("COMPLETED");
    assertThat(json.read("$.created_at", String.class)).isEqualTo("2026-11-23T01:00:01Z");
    assertThat(json.read("$.completed_at", String.class)).isEqualTo("2026-11-23T01:01:36Z");
    assertThat(json.read("$.disks[0].level", String.class)).isEqualTo("incremental");
    assertThat(json.read("$.disks[0].reason", String.class)).isEqualTo("CHANGED_EXTENTS");
    assertThat(json.read("$.disks[0].disk_id", Integer.class)).isZero();
    assertThat(json.read("$.disks[0].disk_key", String.class)).isEqualTo("vda");
    assertThat(json.read("$.disks[0].change_id", String.class)).isEqualTo("mark-1");
    assertThat(json.read("$.disks[0].previous_change_id", String.class)).isEqualTo("mark-before");
    assertThat(json.read("$.disks[0].virtual_size", Long.class)).isEqualTo(1L << 30);
    assertThat(json.read("$.disks[0].bytes_read", Long.class)).isEqualTo(3 << 20);
    assertThat(json.read("$.disks[0].bytes_transferred", Long.class)).isEqualTo(2 << 20);
    assertThat(json.read("$.disks[0].bytes_stored", Long.class)).isEqualTo(5);
    assertThat(json.read("$.disks[0].image", String.class))
        .isEqualTo("/backups/vms/pg/disk-0/backup-pg-disk0-1.qcow2");
    assertThat(json.read("$.disks[0].backing_image", String.class))
        .isEqualTo("/backups/vms/pg/disk-0/backup-pg-disk0-0.qcow2");
    assertThat(json.read("$.disks[1].backing_image", String.class)).isNull();
    assertThat(json.read("$.disks[1].id", String.class)).isEqualTo("backup-pg-disk1-1");
  }

  @ParameterizedTest
  @CsvSource({"COMPLETED,0", "FAILED,1", "STOPPED,130"})
  void aRunsEndDecidesTheCode(Status status, int code) {
    engine.outcome = BackupRowExamples.backup("1", status);

    assertThat(run("relaunch", "backup-pg-1")).isEqualTo(code);
    assertThat(engine.asked).containsExactly("relaunch backup-pg-1", "close");
    if (code != 0) {
      assertThat(err()).contains("backstep relaunch backup-pg-1");
    }
  }

  @Test
  void anUnprotectedDiskIsCodeThree() {
    engine.outcome =
        BackupRowExamples.backup(
            "1",
            Status.COMPLETED,
            BackupRowExamples.disk("1", 0, Status.FAILED, Reason.NO_BASELINE, 0, Optional.empty()));

    assertThat(run("relaunch", "backup-pg-1")).isEqualTo(3);
    assertThat(err()).contains("not every disk is protected");
  }

  @Test
  void theWishToStopStopsTheRunAndWaitsForIt() throws Exception {
    engine.untilStopped = new CountDownLatch(1);
    engine.outcome = BackupRowExamples.backup("1", Status.STOPPED);
    Thread operator =
        Thread.startVirtualThread(() -> {
          while (engine.asked.isEmpty()) {
            Thread.onSpinWait();
          }
          stopping.request();
        });

    assertThat(run("relaunch", "backup-pg-1")).isEqualTo(130);
    operator.join();
    assertThat(engine.asked).contains("stop backup-pg-1").endsWith("close");
    assertThat(err()).contains("stopping at the next chunk", "was stopped");
  }

  @Test
  void listsNewestFirstAsTextAndJson() {
    engine.rows.add(BackupRowExamples.backup("2", Status.FAILED));
    engine.rows.add(
        BackupRowExamples.backup("1", Status.COMPLETED, BackupRowExamples.full("1", 0, 9)));

    assertThat(run("list")).isZero();
    assertThat(out().lines())
        .containsExactly(
            "BACKUP       VM  STATUS     CREATED              DISKS  LEVEL  READ     STORED "
                + " PROVEN",
            "backup-pg-2  pg  FAILED     2026-11-23 01:00:02  0      -      0 B      0 B     -",
            "backup-pg-1  pg  COMPLETED  2026-11-23 01:00:01  1      full   3.0 MiB  9 B     -");
    out.reset();

    assertThat(run("list", "--vm", "pg", "--json")).isZero();
    assertThat(JsonPath.<List<String>>read(out(), "$[*].backup_id"))
        .containsExactly("backup-pg-2", "backup-pg-1");
  }

  @Test
  void unknownNamesAreCodeFour() {
    engine.rows.add(
        BackupRowExamples.backup("1", Status.COMPLETED, BackupRowExamples.full("1", 0, 9)));

    assertThat(run("list", "--vm", "pgg")).isEqualTo(4);
    assertThat(run("show", "backup-pg-9")).isEqualTo(4);
    assertThat(run("changeid", "pg", "1")).isEqualTo(4);
    assertThat(run("changeid", "pg", "vdz")).isEqualTo(4);
    assertThat(run("changeid", "other", "0")).isEqualTo(4);
    assertThat(runWithJobs("backup", "pgg")).isEqualTo(4);
    assertThat(run("restore", "backup-pg-9", "--to", folder.toString())).isEqualTo(4);
    assertThat(run("restore", "backup-pg-1", "--disk", "9", "--to", folder.toString()))
        .isEqualTo(4);
    assertThat(out()).isEmpty();
    assertThat(err()).contains("did you mean 'pg'?", "it has [0]");
  }

  @Test
  void aBadDefinitionIsCodeTwoWithItsPlace() throws Exception {
    Files.writeString(folder.resolve("pg.yaml"), "vm: pg\nlevel: ful\n");

    assertThat(run("backup", folder.resolve("pg.yaml").toString())).isEqualTo(2);
    assertThat(err()).contains("pg.yaml:2:8: 'level' is 'ful'");
    assertThat(engines).isZero();
    assertThat(runWithJobs("backup", "pg", "--level", "ful")).isEqualTo(2);
  }

  @Test
  void changeIdGoesByNumberThenByKey() {
    engine.rows.add(
        BackupRowExamples.backup(
            "1",
            Status.COMPLETED,
            BackupRowExamples.full("1", 0, 9),
            BackupRowExamples.full("1", 1, 9)));
    engine.changeIds.put(
        "pg/1",
        new StoredChangeId(
            Optional.of(new ChangeId("52 66 fd/5490")), new DiskBackupId("backup-pg-disk1-1")));
    engine.changeIds.put(
        "pg/0", new StoredChangeId(Optional.empty(), new DiskBackupId("backup-pg-disk0-1")));

    assertThat(run("changeid", "pg", "1")).isZero();
    assertThat(run("changeid", "pg", "vdb")).isZero();
    assertThat(out().lines()).containsExactly("52 66 fd/5490", "52 66 fd/5490");
    assertThat(run("changeid", "pg", "0")).isEqualTo(4);
    assertThat(err()).contains("tracked no changes");
    out.reset();
    assertThat(run("changeid", "pg", "0", "--json")).isZero();
    assertThat(JsonPath.<String>read(out(), "$.change_id")).isNull();
  }

  @Test
  void onlyCompletedBackupsAreRestored() {
    engine.rows.add(BackupRowExamples.backup("1", Status.STOPPED));

    assertThat(run("restore", "backup-pg-1", "--to", folder.toString())).isEqualTo(1);
    assertThat(err()).contains("is STOPPED; only COMPLETED backups can be restored");
    assertThat(run("restore", "backup-pg-1", "--to", "x", "--format", "vmdk")).isEqualTo(2);
  }

  @Test
  void executionsVerbsReachTheEngine() {
    engine.rows.add(BackupRowExamples.backup("4", Status.QUEUED));
    engine.rows.add(BackupRowExamples.backup("3", Status.RUNNING));
    engine.rows.add(BackupRowExamples.backup("2", Status.FAILED));
    engine.rows.add(BackupRowExamples.backup("1", Status.COMPLETED));

    assertThat(run("executions")).isZero();
    assertThat(out())
        .contains(
            "stop; waits for a server",
            "its process died: recover",
            "relaunch or abandon: disk 0: no space left")
        .doesNotContain("backup-pg-1");
    out.reset();
    assertThat(run("executions", "list", "--all", "--json")).isZero();
    assertThat(JsonPath.<List<Integer>>read(out(), "$[*].execution_id"))
        .containsExactly(7, 7, 7, 7);
    assertThat(run("executions", "stop", "7")).isZero();
    assertThat(run("stop", "backup-pg-3")).isZero();
    assertThat(run("executions", "abandon", "backup-pg-2")).isZero();
    assertThat(run("executions", "recover", "--force", "backup-pg-3")).isZero();
    assertThat(engine.asked)
        .containsSubsequence(
            "stop 7", "stop backup-pg-3", "abandon backup-pg-2", "recover backup-pg-3 by force");
  }

  @Test
  void doctorNamesWhatNeedsAttention() throws Exception {
    Files.writeString(folder.resolve("broken.yaml"), "vm: [");

    assertThat(runWithJobs("doctor", "--home", folder.toString())).isEqualTo(1);
    assertThat(out())
        .contains(
            "ok    database: a double of a database",
            "FAIL  definition: " + folder.resolve("broken.yaml"),
            "ok    definition: pg in",
            "FAIL  pg disk vda: /vms/a.qcow2: there is no such file");
  }

  @Test
  void doctorLooksAtOneSourceAlone() {
    assertThat(runWithJobs("doctor", "--source", "pg", "--home", folder.toString())).isEqualTo(1);
    assertThat(out())
        .contains("FAIL  pg disk vda: /vms/a.qcow2: there is no such file")
        .doesNotContain("database:", "definition:", "repository:");

    assertThat(runWithJobs("doctor", "--source", "nobody", "--home", folder.toString()))
        .isEqualTo(4);
  }

  @Test
  void stateLivesWhereTheEnvironmentSays() {
    assertThat(CommandOptions.home(Map.of("BACKSTEP_HOME", "/a"), "/home/u"))
        .isEqualTo(Path.of("/a"));
    assertThat(CommandOptions.home(Map.of("XDG_STATE_HOME", "/s"), "/home/u"))
        .isEqualTo(Path.of("/s/backstep"));
    assertThat(CommandOptions.home(Map.of(), "/home/u"))
        .isEqualTo(Path.of("/home/u/.local/state/backstep"));
  }

  /** A check that has seen half of the images says nothing of the rest. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          COMPLETED | 3 restore points, 7 images: nothing is wrong
          RUNNING   | 0 findings so far
          STOPPED   | not done: 0 findings so far
          FAILED    | not done: 0 findings so far
          """)
  void checkThatHasNotEndedIsCalledCleanByNobody(Status status, String said) {
    int seen = status == Status.COMPLETED ? 1 : 0;
    TaskRow task =
        new TaskRow(
            "check-1",
            TaskKind.CHECK,
            "/backups",
            "{}",
            status,
            Instant.EPOCH,
            Optional.empty(),
            OptionalLong.empty(),
            OptionalLong.empty(),
            Optional.empty(),
            10,
            5);
    engine.checked = new RepositoryCheckRow(task, new RepositoryId("0"), 3 * seen, 7 * seen, 0);

    run("show", "check-1");

    assertThat(out().lines()).last().isEqualTo(said);
  }

  @Test
  void selectionThatCannotBeAskedKeepsNoOtherFromBeingMerged() throws Exception {
    Files.writeString(
        folder.resolve("all.yaml"),
        """
        vm: all
        source:
          type: libvirt
          uri: "qemu+unix:///system?socket=/nowhere/at/all"
          select-name: "*"
        repository: /backups
        """);

    int code = runWithJobs("merge", "--plan");

    assertThat(code).isEqualTo(1);
    assertThat(engine.asked).contains("plan merge [pg]");
    assertThat(err()).contains("all");
    assertThat(runWithJobs("merge", "--plan", "pg")).isZero();
  }
}
