package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.Selections.Selected;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "backup",
    description = {
      "Backs a VM up: all its disks from one snapshot, what changed since the last time.",
      "A file or selection of several VMs is backed up one VM after the other; the exit code is the"
          + " worst.",
      "Runs here, or in the server that has the database open. Ctrl-C stops it at a chunk,"
          + " `relaunch`",
      "continues there."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.UNPROTECTED,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class BackupCommand implements Callable<Integer> {

  /** Of several VMs the command has the exit code that stands first. */
  private static final List<Integer> WORST_FIRST =
      List.of(
          Kind.STOPPED.exitCode(),
          Kind.FAILED.exitCode(),
          Kind.USAGE.exitCode(),
          Kind.NOT_FOUND.exitCode(),
          Kind.BUSY.exitCode(),
          Kind.UNPROTECTED.exitCode(),
          0);

  private final Session session;
  private final CommandOptions options;

  @Parameters(
      paramLabel = "FILE|VM",
      description = "A file of job definitions, or the name of a VM or selection.")
  private String fileOrVm = "";

  @Option(
      names = "--level",
      paramLabel = "LEVEL",
      description = "auto, full or incremental. Default: what the definition says.")
  private @Nullable String level;

  BackupCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws InterruptedException {
    Optional<RequestedLevel> requested = Optional.ofNullable(level).map(BackupCommand::parse);
    Selected selected = new NamedDefinitions(session).of(List.of(fileOrVm));
    int worst = selected.unprotected().isEmpty() ? 0 : Kind.UNPROTECTED.exitCode();
    List<JobDefinition> definitions = selected.definitions();
    if (definitions.isEmpty()) {
      session.terminal().error("'" + fileOrVm + "' selects no VM now");
      return worst;
    }
    Engine engine = session.jobs();
    for (JobDefinition definition : definitions) {
      if (session.stopping().isRequested()) {
        return Kind.STOPPED.exitCode();
      }
      RequestedLevel wanted = requested.orElse(definition.level());
      int code =
          definitions.size() == 1
              ? follow(engine, definition, wanted)
              : attempt(engine, definition, wanted);
      worst = WORST_FIRST.indexOf(code) < WORST_FIRST.indexOf(worst) ? code : worst;
    }
    return worst;
  }

  private int follow(Engine engine, JobDefinition definition, RequestedLevel wanted)
      throws InterruptedException {
    return new RunWatch(session, options, engine).follow(engine.launch(definition, wanted));
  }

  /** One VM that is refused keeps no other from its backup. */
  private int attempt(Engine engine, JobDefinition definition, RequestedLevel wanted)
      throws InterruptedException {
    try {
      return follow(engine, definition, wanted);
    } catch (OperatorException e) {
      session.terminal().error(definition.vmName() + ": " + e.getMessage());
      return e.kind().exitCode();
    }
  }

  private static RequestedLevel parse(String text) {
    try {
      return RequestedLevel.valueOf(text.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(
          "--level is '" + text + "'; expected one of: auto, full, incremental", e);
    }
  }
}
