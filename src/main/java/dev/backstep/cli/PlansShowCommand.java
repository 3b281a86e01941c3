package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.NONE)
@Command(
    name = "show",
    description = "Shows a stored plan: what goes by it, who made it, who approved it.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class PlansShowCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "ID", description = "The plan's id, as `plans` shows it.")
  private String id = "";

  PlansShowCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return PlansCommand.print(session, session.catalog().retention().plan(id));
  }
}
