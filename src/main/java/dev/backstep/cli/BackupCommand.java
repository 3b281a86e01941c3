package dev.backstep.cli;

import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.DidYouMean;
import dev.backstep.job.definition.JobFolder;
import java.util.Locale;
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

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "FILE|VM", description = "A job definition's file, or a VM's name.")
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
    JobFolder.Entry job =
        options.jobFolder().find(fileOrVm).orElseThrow(() -> unknown(options.jobFolder()));
    RequestedLevel requested = level == null ? job.definition().level() : parse(level);
    Engine engine = session.jobs();
    return new RunWatch(session, options, engine)
        .follow(engine.launch(job.definition(), requested));
  }

  private static RequestedLevel parse(String text) {
    try {
      return RequestedLevel.valueOf(text.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(
          "--level is '" + text + "'; expected one of: auto, full, incremental", e);
    }
  }

  private OperatorException unknown(JobFolder folder) {
    return OperatorException.notFound(
        "'"
            + fileOrVm
            + "' is neither a file nor a VM defined in "
            + folder.folder().toAbsolutePath().normalize()
            + DidYouMean.hint(fileOrVm, folder.read().byVmName().keySet()));
  }
}
