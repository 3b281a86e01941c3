package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "list",
    description = "All schedules with their next start, and what became of the last one.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class ScheduleListCommand implements Callable<Integer> {

  private final Session session;

  ScheduleListCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return ScheduleCommand.list(session);
  }
}
