package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "pause",
    description = "Lets a VM's schedule start nothing until `resume`; what waits or runs goes on.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class SchedulePauseCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "VM", description = "The VM's name.")
  private String vm = "";

  SchedulePauseCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return ScheduleCommand.change(session, "pause", vm);
  }
}
