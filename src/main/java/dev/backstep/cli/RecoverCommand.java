package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "recover",
    description =
        "Makes a backup whose process died relaunchable, and ends an execution that is UNKNOWN.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class RecoverCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "ID", description = "A backup's id, or its execution's number.")
  private String id = "";

  @Option(
      names = "--force",
      description =
          "End an UNKNOWN execution also when the process that ran it lives. A backup that is"
              + " RUNNING is never taken from a process that lives.")
  private boolean force;

  RecoverCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    session.jobs().recover(id, force);
    new Answer(session, options)
        .done(
            id,
            "recovered",
            "is recovered; unless it is COMPLETED, `backstep relaunch " + id + "` continues it");
    return 0;
  }
}
