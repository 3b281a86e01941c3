package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;

/** What commands that change something themselves leave in the audit trail. */
class CommandRecordTests {

  private final EngineDouble engine = new EngineDouble();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir private Path folder;

  @BeforeEach
  void defineAMachine() throws IOException {
    Files.writeString(
        folder.resolve("pg.yaml"),
        """
        vm: pg
        source: { type: image, disks: [ { key: vda, path: /vms/a.qcow2 } ] }
        repository: /backups
        retention: { last: 1 }
        """);
    engine.rows.add(
        BackupRowExamples.backup("1", Status.COMPLETED, BackupRowExamples.full("1", 0, 9)));
  }

  private CommandLineProgram program() {
    return TestProgram.of(
        (home, runsJobs, verbose) -> engine,
        new ByteArrayOutputStream(),
        err,
        new Stopping(),
        Clock.fixed(BackupRowExamples.NIGHT, ZoneOffset.UTC));
  }

  private int run(String command) {
    return program().run((command + " --jobs " + folder).split(" "));
  }

  private static Stream<CommandSpec> commands(CommandLine line) {
    return Stream.concat(
        Stream.of(line.getCommandSpec()),
        line.getSubcommands().values().stream().flatMap(CommandRecordTests::commands));
  }

  @Test
  void everyCommandDeclaresItsEffect() {
    assertThat(commands(program().commandLine()))
        .filteredOn(command -> !(command.userObject() instanceof HelpCommand))
        .hasSizeGreaterThan(50)
        .allSatisfy(command ->
            assertThat(CommandRecord.effect(command)).as(command.qualifiedName()).isNotNull());
  }

  /** No other engine has what changes something. */
  @Test
  void commandsThatAskForJobsAreThoseThatDeclareAChange() {
    Set<String> declared =
        commands(program().commandLine())
            .filter(command -> CommandRecord.effect(command) == Effect.Kind.CHANGE)
            .map(command -> command.userObject().getClass().getSimpleName())
            .collect(Collectors.toCollection(TreeSet::new));

    assertThat(askersForJobs()).isEqualTo(declared).hasSizeGreaterThan(15);
  }

  private static Set<String> askersForJobs() {
    return new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.backstep.cli")
            .get(Session.class)
            .getMethod("jobs")
            .getAccessesToSelf()
            .stream()
            .map(call -> call.getOriginOwner())
            .map(JavaClass::getSimpleName)
            .collect(Collectors.toCollection(TreeSet::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          backup pg ; backup pg: 200
          backup pg --level full --json ; backup pg --level: 200
          relaunch backup-pg-1 ; relaunch backup-pg-1: 200
          stop backup-pg-1 ; stop backup-pg-1: 200
          executions abandon backup-pg-1 ; executions abandon backup-pg-1: 200
          executions recover 7 --force ; executions recover 7 --force: 200
          delete backup-pg-1 ; delete backup-pg-1: 200
          pin backup-pg-1 ; pin backup-pg-1: 200
          unpin backup-pg-1 ; unpin backup-pg-1: 200
          prune --plan ; prune --plan: 200
          repository import /backups ; repository import /backups: 200
          repository orphans /backups --collect ; repository orphans /backups --collect: 200
          restore backup-none --to /x ; restore backup-none --to: 404
          restore backup-none --onto-vm pg ; restore backup-none --onto-vm pg: 404
          """)
  void aCommandThatChangesSomethingLeavesOneRow(String command, String row) {
    run(command);

    assertThat(engine.audited).as(err.toString(StandardCharsets.UTF_8)).containsExactly(row);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "list",
        "show backup-pg-1",
        "executions list",
        "executions failed",
        "plans",
        "merge --plan",
        "repository orphans /backups",
        "doctor",
        "backup nothing",
        "backup pg --level none",
        "delete",
        "delete --help"
      })
  void aCommandThatAsksOrNeverBeganLeavesNone(String command) {
    run(command);

    assertThat(engine.audited).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"COMPLETED,200", "FAILED,409", "STOPPED,409"})
  void theRowSaysHowARunEnded(Status status, int result) {
    engine.outcome = BackupRowExamples.backup("1", status);

    run("relaunch backup-pg-1");

    assertThat(engine.audited).containsExactly("relaunch backup-pg-1: " + result);
  }

  @Test
  void theRowOfARefusalSaysWhatAServerWouldAnswer() {
    engine.refusal = OperatorException.notFound("no such backup");
    run("pin backup-pg-1");
    engine.refusal = EngineDouble.busy("it runs");
    run("delete backup-pg-1");
    engine.refusal = new IllegalStateException("unthinkable");
    run("executions abandon x");

    assertThat(engine.audited)
        .containsExactly(
            "pin backup-pg-1: 404", "delete backup-pg-1: 409", "executions abandon x: 500");
  }

  /** As a shell command with a password, or a target's address that has one. */
  @Test
  void valuesOfOptionsStayOut() {
    engine.refusal = EngineDouble.busy("no time");

    program().run("verify", "backup-pg-1", "--run", "login --password=secret");
    program().run("restore", "backup-pg-1", "--onto", "0=nbd://user:secret@host/x");

    assertThat(engine.audited)
        .containsExactly("verify backup-pg-1 --run: 409", "restore backup-pg-1 --onto: 409");
  }

  @Test
  void aResultThatGetsNoRowLeavesTheCodeAsItIs() {
    engine.unrecorded = new IllegalStateException("it is away");

    assertThat(run("pin backup-pg-1")).isZero();
    assertThat(engine.audited).containsExactly("pin backup-pg-1");
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("lacks the result: it is away");
  }

  @Test
  void aNameIsNoSecondLine() {
    program().run("pin", "a\nb");

    assertThat(engine.audited).hasSize(1).noneMatch(row -> row.contains("\n"));
  }
}
