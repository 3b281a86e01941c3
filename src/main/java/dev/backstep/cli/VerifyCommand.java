package dev.backstep.cli;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.RunSettings;
import dev.backstep.job.OperatorException;
import dev.backstep.job.TaskRun;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "verify",
    description = {
      "Checks the images of a restore point, with all that they need, or of all of them.",
      "Reads them from disk and compares with the checksums taken when they were written.",
      "With --boot: boots the restore point, and tells whether it lives."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class VerifyCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "ID", arity = "0..1", description = "A backup's id.")
  private @Nullable String id;

  @Option(names = "--all", description = "Every image of every repository.")
  private boolean all;

  @Option(
      names = "--structure",
      description = "Only manifests, headers, tables and refcounts; no data is read.")
  private boolean structure;

  @ArgGroup(exclusive = false, heading = "Test of files:%n")
  private RunOptions run = new RunOptions();

  @ArgGroup(exclusive = false, heading = "Restore test:%n")
  private BootOptions boot = new BootOptions();

  VerifyCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws InterruptedException {
    if (all == (id != null)) {
      throw OperatorException.usage("what to verify? A backup's id, or --all", null);
    }
    if ((boot.asked() || run.asked()) && (all || structure || boot.asked() && run.asked())) {
      throw OperatorException.usage(
          "--boot and --run take one backup's id, one of them at a time, and no --structure", null);
    }
    Optional<RunSettings> command = run.asked() ? Optional.of(run.settings()) : Optional.empty();
    Optional<BootSettings> settings =
        boot.asked() ? Optional.of(boot.settings()) : Optional.empty();
    Engine engine = session.jobs();
    Optional<BackupId> backup =
        id == null ? Optional.empty() : Optional.of(ShowCommand.find(engine, id).id());
    return new TaskWatch(session, engine).follow(begin(engine, backup, settings, command));
  }

  private TaskRun begin(
      Engine engine,
      Optional<BackupId> backup,
      Optional<BootSettings> settings,
      Optional<RunSettings> command) {
    if (settings.isPresent()) {
      return engine.boot(backup.orElseThrow().value(), settings.get());
    }
    return command.isPresent()
        ? engine.run(backup.orElseThrow().value(), command.get())
        : engine.verify(backup, !structure);
  }
}
