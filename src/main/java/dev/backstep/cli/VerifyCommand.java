package dev.backstep.cli;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.job.OperatorException;
import dev.backstep.job.TaskRun;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

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
    if (boot.asked() && (all || structure)) {
      throw OperatorException.usage(
          "--boot takes one backup's id, and nothing of --structure", null);
    }
    Optional<BootSettings> settings =
        boot.asked() ? Optional.of(boot.settings()) : Optional.empty();
    Engine engine = session.jobs();
    Optional<BackupId> backup =
        id == null ? Optional.empty() : Optional.of(ShowCommand.find(engine, id).id());
    TaskRun run =
        settings.isPresent()
            ? engine.boot(backup.orElseThrow().value(), settings.get())
            : engine.verify(backup, !structure);
    return new TaskWatch(session, engine).follow(run);
  }
}
