package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "list",
    description = "Lists what runs, failed or was stopped, newest first.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsListCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Option(names = "--all", description = "Also those completed or abandoned.")
  private boolean all;

  ExecutionsListCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    return new ExecutionsList(session, options).print(all);
  }
}
