package dev.backstep.cli;

import dev.backstep.catalog.DatabaseBusyException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "stop",
    description = "Asks a running backup or task, in whatever process, to stop at its next chunk.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class StopCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(
      paramLabel = "ID",
      description = "A backup's or task's id, or a backup execution's number.")
  private String id = "";

  StopCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    try {
      if (TaskWatch.isOne(id)) {
        session.jobs().stopTask(id);
      } else {
        session.jobs().stop(id);
      }
    } catch (DatabaseBusyException e) {
      ProcessHandle owner =
          RunNote.of(options.home(), id).flatMap(RunNote::process).orElseThrow(() -> e);
      // As Ctrl-C there: it stops at a chunk and ends by itself.
      owner.destroy();
    }
    new Answer(session, options).done(id, "stopping", "will stop at its next chunk");
    return 0;
  }
}
