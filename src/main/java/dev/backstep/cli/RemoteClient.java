package dev.backstep.cli;

import dev.backstep.catalog.PageRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.source.PinnedCertificate;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server's REST API for one command. Safe for use by several threads. */
final class RemoteClient implements AutoCloseable {

  static final JsonMapper JSON = JsonMapper.builder().build();

  private static final Duration CONNECT_MAX = Duration.ofSeconds(10);
  private static final Duration ANSWER_MAX = Duration.ofMinutes(2);

  private static final String OTHER =
      "the server's certificate is not the one that server.json of the home folder names";

  private final ServerNote server;
  private final HttpClient http;
  private final String url;
  private final String token;

  /**
   * @param token of a role that may do what is asked for
   */
  RemoteClient(ServerNote server, String token) {
    HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(CONNECT_MAX);
    server
        .certificate()
        .ifPresent(sha256 -> builder.sslContext(PinnedCertificate.context(sha256, OTHER)));
    this.server = server;
    this.http = builder.build();
    this.url = server.url();
    this.token = token;
  }

  String url() {
    return url;
  }

  /** Whether the process that served when this began still runs. */
  boolean serverLives() {
    return server.process().isAlive();
  }

  /** A path with a query; null values are left out. */
  static String path(String path, Map<String, ? extends @Nullable Object> query) {
    StringBuilder text = new StringBuilder(path);
    query.forEach((name, value) -> {
      if (value != null) {
        text.append(text.indexOf("?") < 0 ? '?' : '&')
            .append(name)
            .append('=')
            .append(encoded(value.toString()));
      }
    });
    return text.toString();
  }

  /** Safe as a part of a path. */
  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** Empty when the server says that there is no such thing. */
  Optional<JsonNode> find(String path) {
    HttpResponse<String> response = send(request(path).timeout(ANSWER_MAX).GET().build());
    return response.statusCode() == 404 ? Optional.empty() : Optional.of(body(response));
  }

  /**
   * @throws OperatorException as the server refuses it
   */
  JsonNode get(String path) {
    return body(send(request(path).timeout(ANSWER_MAX).GET().build()));
  }

  /**
   * The first rows of a list, of as many pages as that takes.
   *
   * @param name what a page calls them
   * @throws OperatorException as the server refuses it
   */
  List<JsonNode> rows(
      String path, String name, Map<String, ? extends @Nullable Object> query, int limit) {
    List<JsonNode> rows = new ArrayList<>();
    Map<String, @Nullable Object> asked = new HashMap<>(query);
    do {
      asked.put("limit", Math.min(limit - rows.size(), PageRequest.LIMIT_MAX));
      JsonNode page = get(path(path, asked));
      page.get(name).forEach(rows::add);
      asked.put("after", page.path("next").asString(null));
    } while (rows.size() < limit && asked.get("after") != null);
    return rows;
  }

  /**
   * @throws OperatorException as the server refuses it
   */
  JsonNode post(String path, Map<String, ?> body) {
    return body(
        send(
            request(path)
                .timeout(ANSWER_MAX)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build()));
  }

  /**
   * @throws OperatorException as the server refuses it
   */
  JsonNode delete(String path) {
    return body(send(request(path).timeout(ANSWER_MAX).DELETE().build()));
  }

  /**
   * The lines of a stream of events, as they come.
   *
   * @throws IOException when there is no connection, or the server refuses
   */
  Stream<String> lines(String path) throws IOException {
    try {
      HttpResponse<Stream<String>> response =
          http.send(
              request(path).header("Accept", "text/event-stream").build(),
              HttpResponse.BodyHandlers.ofLines());
      if (response.statusCode() != 200) {
        response.body().close();
        throw new IOException(url + path + " answered " + response.statusCode());
      }
      return response.body();
    } catch (InterruptedException e) {
      throw new IOException("interrupted", e); // nobody does that
    }
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path))
        .header("Authorization", "Bearer " + token);
  }

  private HttpResponse<String> send(HttpRequest request) {
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      if (isUntrusted(e)) {
        throw OperatorException.failed(
            "what answers at "
                + url
                + " is not trusted, and was told nothing ("
                + e.getMessage()
                + "); see whether the server of this home folder still serves there",
            e);
      }
      throw OperatorException.failed(
          "the server at "
              + url
              + " does not answer ("
              + e
              + "); see its log, or try again when it serves",
          e);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while the server was asked", e);
    }
  }

  /** Not so when it hung up in the middle, as a server does that is just ending. */
  private static boolean isUntrusted(IOException failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        return true;
      }
    }
    return false;
  }

  private JsonNode body(HttpResponse<String> response) {
    JsonNode fields;
    try {
      fields = JSON.readTree(response.body());
    } catch (JacksonException e) {
      throw OperatorException.failed(
          url + " answered " + response.statusCode() + " and no JSON; is it a Backstep server?", e);
    }
    if (response.statusCode() < 300) {
      return fields;
    }
    throw refusal(
        fields.path("kind").asString(""),
        fields.path("detail").asString("the server answered " + response.statusCode()));
  }

  private static OperatorException refusal(String kind, String detail) {
    return switch (kind.toUpperCase(Locale.ROOT)) {
      case "USAGE" -> OperatorException.usage(detail, null);
      case "UNPROTECTED" -> OperatorException.unprotected(detail);
      case "NOT-FOUND" -> OperatorException.notFound(detail);
      case "BUSY" -> OperatorException.busy(detail, null);
      case "CONFLICT" -> OperatorException.conflict(detail, null);
      case "STOPPED" -> OperatorException.stopped(detail);
      default -> OperatorException.failed(detail, null);
    };
  }

  @Override
  public void close() {
    http.shutdown(); // without waiting: a stream may still be open
  }
}
