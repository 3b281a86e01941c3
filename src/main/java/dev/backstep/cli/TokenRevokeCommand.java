package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "revoke",
    description = "Makes a token worthless, from the next request on.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.NOT_FOUND})
final class TokenRevokeCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "NAME", description = "The token's name, as `token list` shows it.")
  private String name = "";

  TokenRevokeCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    try (HomeServer server = new HomeServer(session)) {
      server.client().delete(TokenCommand.PATH + "/" + RemoteClient.encoded(name));
      new Answer(session, session.options()).done(name, "revoked", "is revoked");
      return 0;
    }
  }
}
