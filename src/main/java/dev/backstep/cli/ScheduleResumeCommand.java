package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "resume",
    description = "Lets a paused schedule start backups again, from its next time on.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ScheduleResumeCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "VM", description = "The VM's name.")
  private String vm = "";

  ScheduleResumeCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return ScheduleCommand.change(session, "resume", vm);
  }
}
