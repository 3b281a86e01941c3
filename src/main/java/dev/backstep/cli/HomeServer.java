package dev.backstep.cli;

import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** The server of a home folder, for verbs that only a server can carry out. */
final class HomeServer implements AutoCloseable {

  private static final String TOKEN_FILE = "admin.token";
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");
  private static final TypeReference<Map<String, @Nullable Object>> FIELDS =
      new TypeReference<>() {};

  private final Session session;
  private final RemoteClient client;

  /**
   * @throws OperatorException FAILED when none serves there, or it cannot be asked
   */
  HomeServer(Session session) {
    this.session = session;
    Path home = session.options().home();
    this.client =
        find(home)
            .orElseThrow(() ->
                OperatorException.failed(
                    "no server runs with the home folder "
                        + home
                        + ", and only a server has schedules and tokens; start one with `backstep"
                        + " serve`, or name its folder with --home",
                    null));
  }

  /**
   * What asks the server of a home folder; empty when none serves there.
   *
   * @throws OperatorException FAILED when there is one, and its token cannot be read
   */
  static Optional<RemoteClient> find(Path home) {
    try {
      Optional<ServerNote> server = ServerNote.ofLiving(home);
      if (server.isEmpty()) {
        return Optional.empty();
      }
      String token = Files.readString(home.resolve(TOKEN_FILE)).strip();
      return Optional.of(new RemoteClient(server.get(), token));
    } catch (IOException e) {
      throw OperatorException.failed(
          "a server has the database in "
              + home
              + " open, and it cannot be asked: "
              + e
              + "; run this as the user that the server runs as",
          e);
    }
  }

  RemoteClient client() {
    return client;
  }

  /** All rows of a list, page by page. */
  List<JsonNode> all(String path, String name) {
    return client.rows(path, name, Map.of(), Integer.MAX_VALUE);
  }

  /** Prints rows as JSON or as this text. */
  int print(List<JsonNode> rows, String text) {
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(rows.stream().map(HomeServer::fields).toList())
                : text);
    return 0;
  }

  /** Prints one document as JSON or as this text. */
  int print(JsonNode row, String text) {
    session.terminal().result(session.options().json() ? BackupDocument.text(fields(row)) : text);
    return 0;
  }

  private static Map<String, @Nullable Object> fields(JsonNode row) {
    return RemoteClient.JSON.convertValue(row, FIELDS);
  }

  /** A field's time for people; a dash where there is none. */
  String time(JsonNode time) {
    ZoneId zone = session.clock().getZone();
    return time.isString()
        ? TIME.format(OffsetDateTime.parse(time.asString()).atZoneSameInstant(zone))
        : "-";
  }

  @Override
  public void close() {
    client.close();
  }
}
