package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "list",
    description = "Names and roles of all tokens; never a secret.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class TokenListCommand implements Callable<Integer> {

  private final Session session;

  TokenListCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return TokenCommand.list(session);
  }
}
