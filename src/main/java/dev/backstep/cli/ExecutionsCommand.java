package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Effect(Effect.Kind.NONE)
@Command(
    name = "executions",
    description = "Looks at the runs of backups and acts on them. Without a verb: list.",
    subcommands = {
      ExecutionsListCommand.class,
      ShowCommand.class,
      StopCommand.class,
      RelaunchCommand.class,
      AbandonCommand.class,
      RecoverCommand.class,
      ExecutionsRunningCommand.class,
      ExecutionsFailedCommand.class,
      ExecutionsStuckCommand.class,
      ExecutionsLongestCommand.class,
      ExecutionsThroughputCommand.class,
      ExecutionsLineageCommand.class,
      ExecutionsStaleCommand.class,
      ExecutionsFullsCommand.class,
      ExecutionsMissedCommand.class
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  ExecutionsCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    return new ExecutionsList(session, options).print(false);
  }
}
