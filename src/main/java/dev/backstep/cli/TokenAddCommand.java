package dev.backstep.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "add",
    description = "Makes a token and prints it, this once.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class TokenAddCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "NAME", description = "Whose it is, such as monitor.")
  private String name = "";

  @Option(
      names = "--role",
      paramLabel = "ROLE",
      description =
          "viewer: asks; operator: also starts and stops; admin: everything. Default:"
              + " ${DEFAULT-VALUE}.")
  private String role = "viewer";

  TokenAddCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    try (HomeServer server = new HomeServer(session)) {
      JsonNode token = server.client().post(TokenCommand.PATH, Map.of("name", name, "role", role));
      return server.print(token, token.path("token").asString(""));
    }
  }
}
