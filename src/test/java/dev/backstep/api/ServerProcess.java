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
public final class ServerProcess implements AutoCloseable {

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
  public static ServerProcess start(Path folder, String home, Map<String, String> environment)
      throws IOException, InterruptedException {
    Process process = launch(folder, home, environment);
    try {
      return await(process, folder, home);
    } catch (AssertionError e) {
      process.destroyForcibly();
      throw e;
    }
  }

  /** As {@link #start}, without waiting until it serves. */
  static Process launch(
      Path folder, String home, Map<String, String> environment, String... options)
      throws IOException {
    Path errors = errors(folder, home);
    Files.deleteIfExists(errors);
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of("ops", "backstep").toAbsolutePath().toString(),
                "serve",
                "--port",
                "0",
                "--home",
                folder.resolve(home).toString()));
    command.addAll(List.of(options));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(folder.resolve(home + ".out").toFile())
            .redirectError(errors.toFile());
    // A server of a test lives too short for the optimising compiler to pay.
    builder.environment().put("BACKSTEP_JAVA_OPTS", "-XX:TieredStopAtLevel=1");
    builder.environment().putAll(environment);
    return builder.start();
  }

  /** The server that a process has become. */
  static ServerProcess await(Process process, Path folder, String home)
      throws IOException, InterruptedException {
    String serving = "backstep: serving ";
    awaitText(process, errors(folder, home), serving);
    String text = Files.readString(errors(folder, home));
    String url =
        text.substring(text.indexOf(serving) + serving.length())
            .lines()
            .findFirst()
            .orElseThrow()
            .strip();
    String admin = Files.readString(folder.resolve(home).resolve("admin.token")).strip();
    return new ServerProcess(process, url, admin);
  }

  /** Waits until a process has said so. */
  static void awaitText(Process process, Path file, String wanted)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(240);
    while (!Files.exists(file) || !Files.readString(file).contains(wanted)) {
      assertThat(process.isAlive()).as(Files.readString(file)).isTrue();
      assertThat(System.nanoTime()).as(Files.readString(file)).isLessThan(deadline);
      Thread.sleep(50);
    }
    Thread.sleep(20); // the rest of the line
  }

  /** What it says on standard error. */
  static Path errors(Path folder, String home) {
    return folder.resolve(home + ".err");
  }

  public String url() {
    return url;
  }

  String admin() {
    return admin;
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

  public HttpResponse<String> get(String path) {
    return send(request(path));
  }

  HttpResponse<String> delete(String path) {
    return send(request(path).DELETE());
  }

  public HttpResponse<String> post(String path, String body) {
    return send(
        request(path)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  /** Asks for a backup and waits for its end. */
  public JsonNode backup(String vm) throws InterruptedException {
    return awaitEnd(begin(vm));
  }

  /** Asks for a backup; its id. */
  public String begin(String vm) {
    return json(post("/api/v1/backups", "{\"vm_name\":\"" + vm + "\"}"), 202)
        .get("backup_id")
        .asString();
  }

  /** How the executions of a backup's job stand, the newest first. */
  public List<String> executions(String backup) {
    List<String> statuses = new ArrayList<>();
    json(get("/api/v1/executions?backup_id=" + backup), 200)
        .get("executions")
        .forEach(execution -> statuses.add(execution.get("batch_status").asString()));
    return statuses;
  }

  /** Waits for the newest execution: its backup is COMPLETED a moment before that has ended. */
  public void awaitExecutionEnd(String backup) throws InterruptedException {
    for (int i = 0; i < 3000; i++) {
      if (List.of("COMPLETED", "FAILED").contains(executions(backup).getFirst())) {
        return;
      }
      Thread.sleep(20);
    }
    throw new AssertionError("the job of " + backup + " has not ended within a minute");
  }

  public JsonNode awaitEnd(String backup) throws InterruptedException {
    for (int i = 0; i < 600; i++) {
      JsonNode now = json(get("/api/v1/backups/" + backup), 200);
      if (!List.of("QUEUED", "RUNNING").contains(now.get("status").asString())) {
        return now;
      }
      Thread.sleep(100);
    }
    throw new AssertionError(backup + " does not end");
  }

  /**
   * Waits until it is COMPLETED, though it may fail or stop on the way there and be gone on with.
   */
  JsonNode awaitCompleted(String backup) throws InterruptedException {
    JsonNode now = json(get("/api/v1/backups/" + backup), 200);
    for (int i = 0; i < 1200 && !now.get("status").asString().equals("COMPLETED"); i++) {
      Thread.sleep(100);
      now = json(get("/api/v1/backups/" + backup), 200);
    }
    assertThat(now.get("status").asString()).as(now.toString()).isEqualTo("COMPLETED");
    return now;
  }

  public static JsonNode json(HttpResponse<String> response, int status) {
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
  public Process process() {
    return process;
  }

  /** Ends it by SIGTERM. */
  @Override
  public void close() throws InterruptedException {
    process.destroy();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("SIGTERM ends the server").isTrue();
  }
}
