package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server in a process of its own, as an operator starts it, asked over real HTTP. */
final class ServerProcess implements AutoCloseable {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private final Process process;
  private final String url;
  private final String admin;

  private ServerProcess(Process process, String url, String admin) {
    this.process = process;
    this.url = url;
    this.admin = admin;
  }

  /**
   * @param folder working folder, with job definitions in {@code jobs/}; the home folder is made in
   *     it
   * @param home its name in there
   * @param environment of the process, as what names a database
   */
  static ServerProcess start(Path folder, String home, Map<String, String> environment)
      throws IOException, InterruptedException {
    Path errors = folder.resolve(home + ".err");
    Files.deleteIfExists(errors);
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of("ops", "backstep").toAbsolutePath().toString(),
                "serve",
                "--port",
                "0",
                "--home",
                folder.resolve(home).toString())
            .directory(folder.toFile())
            .redirectOutput(folder.resolve(home + ".out").toFile())
            .redirectError(errors.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!Files.exists(errors) || !Files.readString(errors).contains("serving http")) {
      assertThat(process.isAlive()).as(Files.readString(errors)).isTrue();
      assertThat(System.nanoTime()).as(Files.readString(errors)).isLessThan(deadline);
      Thread.sleep(50);
    }
    String text = Files.readString(errors);
    String url = text.substring(text.indexOf("http://")).lines().findFirst().orElseThrow().strip();
    String admin = Files.readString(folder.resolve(home).resolve("admin.token")).strip();
    return new ServerProcess(process, url, admin);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path))
        .header("Authorization", "Bearer " + admin);
  }

  static HttpResponse<String> send(HttpRequest.Builder request) {
    try {
      return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  static HttpClient client() {
    return CLIENT;
  }

  HttpResponse<String> get(String path) {
    return send(request(path));
  }

  HttpResponse<String> delete(String path) {
    return send(request(path).DELETE());
  }

  HttpResponse<String> post(String path, String body) {
    return send(
        request(path)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  /** Asks for a backup and waits for its end. */
  JsonNode backup(String vm) throws InterruptedException {
    return awaitEnd(begin(vm));
  }

  /** Asks for a backup; its id. */
  String begin(String vm) {
    return json(post("/api/v1/backups", "{\"vm_name\":\"" + vm + "\"}"), 202)
        .get("backup_id")
        .asString();
  }

  JsonNode awaitEnd(String backup) throws InterruptedException {
    for (int i = 0; i < 600; i++) {
      JsonNode now = json(get("/api/v1/backups/" + backup), 200);
      if (!List.of("QUEUED", "RUNNING").contains(now.get("status").asString())) {
        return now;
      }
      Thread.sleep(100);
    }
    throw new AssertionError(backup + " does not end");
  }

  static JsonNode json(HttpResponse<String> response, int status) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    return JSON.readTree(response.body());
  }

  static void assertProblem(HttpResponse<String> response, int status, String... words) {
    JsonNode problem = json(response, status);
    assertThat(response.headers().firstValue("Content-Type").orElse(""))
        .startsWith("application/problem+json");
    assertThat(problem.get("detail").asString()).contains(words);
  }

  static List<JsonNode> disks(JsonNode backup) {
    List<JsonNode> disks = new ArrayList<>();
    backup.get("disks").forEach(disks::add);
    return disks;
  }

  /** The process, to be killed. */
  Process process() {
    return process;
  }

  /** Ends it by SIGTERM. */
  @Override
  public void close() throws InterruptedException {
    process.destroy();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("SIGTERM ends the server").isTrue();
  }
}
