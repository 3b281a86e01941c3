package dev.backstep.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import tools.jackson.databind.JsonNode;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "token",
    description = "Who may call a running server's API. Without a verb: list.",
    subcommands = {TokenAddCommand.class, TokenListCommand.class, TokenRevokeCommand.class},
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class TokenCommand implements Callable<Integer> {

  static final String PATH = "/api/v1/tokens";

  private final Session session;

  TokenCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return list(session);
  }

  static int list(Session session) {
    try (HomeServer server = new HomeServer(session)) {
      List<JsonNode> tokens = server.all(PATH, "tokens");
      Table table = new Table("NAME", "ROLE", "CREATED", "REVOKED");
      for (JsonNode token : tokens) {
        table.add(
            BackupText.printable(token.path("name").asString("")),
            token.path("role").asString(""),
            server.time(token.path("created_at")),
            server.time(token.path("revoked_at")));
      }
      return server.print(tokens, table.toString());
    }
  }
}
