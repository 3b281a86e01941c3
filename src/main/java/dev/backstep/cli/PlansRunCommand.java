package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "run",
    description = "Deletes what goes by a stored plan, as far as it would still go now.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class PlansRunCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "ID", description = "The plan's id, as `plans` shows it.")
  private String id = "";

  PlansRunCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws InterruptedException {
    Engine engine = session.jobs();
    return new TaskWatch(session, engine).follow(engine.retention().runPlan(id));
  }
}
