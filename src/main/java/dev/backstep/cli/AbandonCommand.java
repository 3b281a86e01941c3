package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "abandon",
    description =
        "Gives a failed or stopped backup up: its partial images go, it cannot be relaunched.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class AbandonCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "ID", description = "A backup's id, or its execution's number.")
  private String id = "";

  AbandonCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    session.jobs().abandon(id);
    new Answer(session, options).done(id, "abandoned", "is abandoned");
    return 0;
  }
}
