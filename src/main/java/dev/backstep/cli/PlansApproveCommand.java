package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "approve",
    description = "Approves a stored plan that another user has made.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class PlansApproveCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "ID", description = "The plan's id, as `plans` shows it.")
  private String id = "";

  PlansApproveCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return PlansCommand.print(session, session.jobs().retention().approvePlan(id));
  }
}
