package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "pin",
    description = "Keeps a restore point, whatever retention says, until it is unpinned.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class PinCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "ID", description = "The restore point's id, as `list` shows it.")
  private String id = "";

  PinCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    session.jobs().retention().pin(id);
    new Answer(session, session.options())
        .done(id, "pinned", "is pinned: it stays until it is unpinned");
    return 0;
  }
}
