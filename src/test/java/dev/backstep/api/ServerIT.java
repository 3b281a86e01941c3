package dev.backstep.api;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real server process, asked over real HTTP. */
class ServerIT {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  @TempDir static Path folder;

  private static Process server;
  private static String url;
  private static String admin;

  @BeforeAll
  static void serve() throws Exception {
    Path disk = folder.resolve("a.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "16M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 2M", disk);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/web.yaml"),
        """
        vm: web
        source:
          type: image
          disks:
            - { key: vda, path: %s }
        repository: %s
        """
            .formatted(disk, folder.resolve("repository")));
    Path errors = folder.resolve("server.err");
    server =
        new ProcessBuilder(
                Path.of("ops", "backstep").toAbsolutePath().toString(),
                "serve",
                "--port",
                "0",
                "--home",
                folder.resolve("home").toString())
            .directory(folder.toFile())
            .redirectOutput(folder.resolve("server.out").toFile())
            .redirectError(errors.toFile())
            .start();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!Files.exists(errors) || !Files.readString(errors).contains("serving http")) {
      assertThat(server.isAlive()).as(Files.readString(errors)).isTrue();
      assertThat(System.nanoTime()).as(Files.readString(errors)).isLessThan(deadline);
      Thread.sleep(50);
    }
    String text = Files.readString(errors);
    url = text.substring(text.indexOf("http://")).lines().findFirst().orElseThrow().strip();
    admin = Files.readString(folder.resolve("home/admin.token")).strip();
  }

  @AfterAll
  static void stop() throws Exception {
    if (server != null) {
      server.destroy();
      assertThat(server.waitFor(60, TimeUnit.SECONDS)).as("SIGTERM ends the server").isTrue();
      assertThat(server.exitValue()).isZero();
    }
  }

  private static HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path));
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static HttpResponse<String> get(String path, String token) throws Exception {
    return send(request(path).header("Authorization", "Bearer " + token));
  }

  private static HttpResponse<String> post(String path, String token, String body)
      throws Exception {
    return send(
        request(path)
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  private static JsonNode json(HttpResponse<String> response) {
    return JSON.readTree(response.body());
  }

  private static void assertProblem(HttpResponse<String> response, int status, String... words) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type").orElse(""))
        .startsWith("application/problem+json");
    assertThat(json(response).get("status").asInt()).isEqualTo(status);
    assertThat(json(response).get("detail").asString()).contains(words);
    assertThat(json(response).get("kind").asString()).isNotEmpty();
  }

  private static String token(String name, String role) throws Exception {
    String body = "{\"name\":\"%s\",\"role\":\"%s\"}".formatted(name, role);
    HttpResponse<String> made = post("/api/v1/tokens", admin, body);
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    return json(made).get("token").asString();
  }

  @Test
  void healthIsOpenAndNothingElse() throws Exception {
    assertThat(send(request("/health")).statusCode()).isEqualTo(200);
    for (String path :
        new String[] {
          "/api/v1/backups", "/metrics", "/api/v1/tokens", "/", "/env", "/api/v1/backups/changeid"
        }) {
      assertProblem(send(request(path)), 401, "Bearer");
    }
  }

  /** The body stays away, so the request is under way for as long as the test likes. */
  @Test
  void whoChangesWhatIsOnRecordBeforeItIsDoneAndForAdministratorsToRead() throws Exception {
    String operator = token("half", "operator");
    String body = "{\"vm_name\":\"nobody\"}";
    URI address = URI.create(url);
    try (Socket socket = new Socket(address.getHost(), address.getPort())) {
      socket.setSoTimeout(60_000);
      String head =
          "POST /api/v1/backups?x=secret HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
              + "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n";
      OutputStream out = socket.getOutputStream();
      out.write(head.formatted(address.getAuthority(), operator, body.length()).getBytes(UTF_8));
      JsonNode begun = awaitAudit("half");
      assertThat(begun.get("action").asString()).isEqualTo("POST /api/v1/backups");
      assertThat(begun.get("remote_address").asString()).isEqualTo("127.0.0.1");
      assertThat(begun.get("result").isNull()).isTrue();

      out.write(body.getBytes(UTF_8));
      assertThat(socket.getInputStream().readNBytes(12)).asString(UTF_8).endsWith(" 404");
    }

    for (int i = 0; i < 100 && awaitAudit("half").get("result").isNull(); i++) {
      Thread.sleep(50); // the answer comes before its row is
    }
    assertThat(awaitAudit("half").get("result").asInt()).isEqualTo(404);
    assertThat(awaitAudit("half").get("action").asString())
        .as("the VM that the body names")
        .isEqualTo("POST /api/v1/backups nobody");
    JsonNode page = json(get("/api/v1/audit?limit=1", admin));
    assertThat(page.get("audit").size()).isEqualTo(1);
    assertThat(page.get("next").isString()).isTrue();
    assertThat(json(get("/api/v1/audit?since=2100-01-01T00:00:00Z", admin)).get("audit")).isEmpty();
    assertProblem(get("/api/v1/audit?after=x", admin), 400, "no place in a list");
    assertProblem(get("/api/v1/audit", operator), 403, "administrators");
    assertProblem(get("/api/v1/audit", token("looks", "viewer")), 403, "administrators");
  }

  /** The newest row of that name. */
  private static JsonNode awaitAudit(String who) throws Exception {
    for (int i = 0; i < 200; i++) {
      for (JsonNode row : json(get("/api/v1/audit", admin)).get("audit")) {
        if (row.get("who").asString().equals(who)) {
          return row;
        }
      }
      Thread.sleep(50);
    }
    throw new AssertionError("no row of " + who);
  }

  @Test
  void adminTokenIsForItsOwnerOnlyAndInNoLogAndNoDatabaseFile() throws Exception {
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(folder.resolve("home/admin.token"))))
        .isEqualTo("rw-------");
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!file.endsWith("admin.token") && Files.size(file) < 32 << 20) {
          assertThat(contains(file, admin)).as("%s holds the token", file).isFalse();
        }
      }
    }
  }

  private static boolean contains(Path file, String text) throws IOException {
    return new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1)
        .contains(text);
  }

  @Test
  void rolesAllowWhatTheySay() throws Exception {
    String viewer = token("viewer-1", "viewer");
    String operator = token("operator-1", "operator");

    assertThat(get("/api/v1/backups", viewer).statusCode()).isEqualTo(200);
    assertProblem(post("/api/v1/backups", viewer, "{\"vm_name\":\"web\"}"), 403, "role");
    assertProblem(get("/api/v1/tokens", operator), 403, "role");
    assertProblem(post("/api/v1/restores", operator, "{}"), 403, "role");
    for (String id : List.of("restore-1", "copy-1", "test-1", "%72estore-1")) {
      String path = "/api/v1/tasks/" + id + "/relaunch";
      assertProblem(post(path, operator, "{}"), 403, "role");
      assertProblem(post(path, admin, "{}"), 404, "no such task");
    }
    assertProblem(post("/api/v1/tasks/verify-1/relaunch", operator, "{}"), 404, "no such task");
    assertProblem(post("/api/v1/backups", operator, "{\"vm_name\":\"nobody\"}"), 404, "nobody");
    assertThat(
            send(request("/api/v1/tokens/viewer-1")
                    .header("Authorization", "Bearer " + admin)
                    .DELETE())
                .statusCode())
        .isEqualTo(204);
    assertProblem(get("/api/v1/backups", viewer), 401, "revoked");
    assertThat(get("/api/v1/tokens", admin).body()).contains("operator-1").doesNotContain("bst_");
  }

  /** From an address of its own, so that the other tests are not held up. */
  @Test
  void whoeverGuessesTokensIsSlowedAndNobodyElse() throws Exception {
    String unused = token("unused", "viewer");
    HttpResponse<String> answer;
    int guesses = 0;
    try (HttpClient other =
        HttpClient.newBuilder().localAddress(InetAddress.getByName("127.0.0.2")).build()) {
      do {
        answer = get(other, "bst_guessed");
        guesses++;
      } while (answer.statusCode() == 401 && guesses < 20);

      assertThat(guesses).isGreaterThan(5);
      assertProblem(answer, 429, "Retry-After");
      assertThat(answer.headers().firstValue("Retry-After")).isPresent();
      int rounds = 0;
      do { // the first waits are short
        assertThat(get(other, admin).statusCode()).isEqualTo(200);
        assertThat(get(other, unused).statusCode()).isEqualTo(200);
        answer = get(other, "bst_guessed");
        rounds++;
      } while (answer.statusCode() == 401 && rounds < 6);
      assertThat(answer.statusCode()).as("right ones forgave nothing").isEqualTo(429);
    }
    assertThat(get("/api/v1/backups", admin).statusCode()).isEqualTo(200);
    assertThat(get("/metrics", admin).body())
        .containsPattern("backstep_logins_refused_total\\{slowed=\"true\"} [1-9]")
        .containsPattern("backstep_logins_refused_total\\{slowed=\"false\"} [1-9]");
    assertThat(Files.readAllLines(folder.resolve("server.err")))
        .filteredOn(line -> line.contains("127.0.0.2"))
        .singleElement()
        .asString()
        .contains("unknown or revoked")
        .doesNotContain("bst_");
  }

  private static HttpResponse<String> get(HttpClient client, String token) throws Exception {
    return client.send(
        request("/api/v1/backups").header("Authorization", "Bearer " + token).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void changeIdOfAVmWithoutABackupIsEmptyAndNoError() throws Exception {
    JsonNode answer = json(get("/api/v1/backups/changeid?vm_name=nobody&disk_id=3", admin));

    assertThat(answer.get("vm_name").asString()).isEqualTo("nobody");
    assertThat(answer.get("disk_id").isNumber()).isTrue();
    assertThat(answer.get("disk_id").asInt()).isEqualTo(3);
    assertThat(answer.get("change_id").asString()).isEmpty();
    assertThat(answer.get("message").asString()).isEqualTo("No previous backup found");
    assertProblem(get("/api/v1/backups/changeid", admin), 400, "vm_name");
    for (String none : new String[] {"x", "-1", "1.5", "%201"}) {
      assertProblem(
          get("/api/v1/backups/changeid?vm_name=a&disk_id=" + none, admin), 400, "disk_id");
    }
    assertThat(json(get("/api/v1/backups/changeid?vm_name=a", admin)).get("disk_id").asInt())
        .isZero();
  }

  @Test
  void diskIdOfManyDigitsIsANumberOfNoDisk() throws Exception {
    awaitCompleted(
        post("/api/v1/backups", admin, "{\"vm_name\":\"%s\"}".formatted(define("few", "vda"))));

    for (String id : new String[] {"7", "1000000", "4294967296", "9".repeat(40)}) {
      JsonNode answer = json(get("/api/v1/backups/changeid?vm_name=few&disk_id=" + id, admin));

      assertThat(answer.get("disk_id").isNumber()).isTrue();
      assertThat(answer.get("disk_id").bigIntegerValue()).isEqualTo(new BigInteger(id));
      assertThat(answer.get("change_id").asString()).isEmpty();
      assertThat(answer.get("message").asString()).isEqualTo("No previous backup found");
      String lineage = "/api/v1/executions/lineage?vm_name=few&disk_id=" + id;
      assertThat(json(get(lineage, admin)).get("lineage")).isEmpty();
      String throughput = "/api/v1/executions/throughput?vm_name=few&disk_id=" + id;
      assertThat(json(get(throughput, admin)).get("throughput")).isEmpty();
    }
    String lineage = "/api/v1/executions/lineage?vm_name=few&disk_id=";
    assertThat(json(get(lineage + "0", admin)).get("lineage").size()).isEqualTo(1);
    assertProblem(get(lineage + "1e9", admin), 400, "'disk_id' is '1e9'", "expected a number");
  }

  @Test
  void diskIdOfManyDigitsInABodyIsTooLargeAndNoOtherThanANumber() throws Exception {
    String restore =
        "{\"backup_id\":\"b\",\"disks\":[{\"disk_id\":%s,\"kind\":\"file\",\"target\":\"/x\"}]}";
    for (String id : new String[] {"2147483648", "9".repeat(40)}) {
      assertProblem(
          post("/api/v1/restores", admin, restore.formatted(id)), 400, "'disk_id' is " + id);
    }
    for (String id : new String[] {"-1", "1.5", "\"x\""}) {
      assertProblem(
          post("/api/v1/restores", admin, restore.formatted(id)), 400, "'disk_id' must be a whole");
    }
  }

  /** A VM with a disk of each key, in the repository of all. */
  private static String define(String vm, String... keys) throws Exception {
    StringBuilder disks = new StringBuilder();
    for (String key : keys) {
      Path disk = folder.resolve(vm + "-" + key + ".qcow2");
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "4M");
      disks.append("    - { key: %s, path: %s }\n".formatted(key, disk));
    }
    Files.writeString(
        folder.resolve("jobs/" + vm + ".yaml"),
        "vm: %s\nsource:\n  type: image\n  disks:\n%srepository: %s\n"
            .formatted(vm, disks, folder.resolve("repository")));
    return vm;
  }

  @Test
  void answerToARequestNamesTheDisksAndKeepsTheTags() throws Exception {
    define("two", "vda", "vdb");
    String first =
        "{\"vm_name\":\"two\",\"backup_type\":\"incremental\",\"tags\":[\"nightly\",\"a b\"]}";
    HttpResponse<String> begun = post("/api/v1/backups", admin, first);
    assertThat(begun.statusCode()).as(begun.body()).isEqualTo(202);
    assertDisks(json(begun), "", "");
    assertThat(json(begun).get("tags").valueStream().map(JsonNode::asString))
        .containsExactly("nightly", "a b");
    awaitCompleted(begun);

    JsonNode full = json(get("/api/v1/backups/" + json(begun).get("backup_id").asString(), admin));
    assertThat(full.get("tags")).isEqualTo(json(begun).get("tags"));
    for (JsonNode disk : full.get("disks")) {
      assertThat(disk.get("level").asString()).as("it was not strict").isEqualTo("full");
      assertThat(disk.get("reason").asString()).isEqualTo("NO_BASELINE");
    }
    String repository = full.get("repository_id").asString();
    String again = "{\"vm_name\":\"two\",\"repository_id\":\"%s\"}";
    HttpResponse<String> next = post("/api/v1/backups", admin, again.formatted(repository));
    assertThat(next.statusCode()).as(next.body()).isEqualTo(202);
    assertThat(json(next).get("repository_id").asString()).isEqualTo(repository);
    assertDisks(
        json(next),
        full.get("disks").get(0).get("change_id").asString(),
        full.get("disks").get(1).get("change_id").asString());
    awaitCompleted(next);
    assertProblem(
        post("/api/v1/backups", admin, again.formatted("another")), 400, "another", repository);
  }

  /**
   * @param changeIds of the disks' newest backups; empty where there is none
   */
  private static void assertDisks(JsonNode answer, String... changeIds) {
    assertThat(answer.get("disks").size()).isEqualTo(changeIds.length);
    for (int i = 0; i < changeIds.length; i++) {
      JsonNode disk = answer.get("disks").get(i);
      assertThat(disk.propertyNames())
          .containsExactlyInAnyOrder("disk_id", "disk_key", "previous_change_id");
      assertThat(disk.get("disk_id").isIntegralNumber()).isTrue();
      assertThat(disk.get("disk_id").asInt()).isEqualTo(i);
      assertThat(disk.get("disk_key").asString()).isEqualTo(i == 0 ? "vda" : "vdb");
      assertThat(disk.get("previous_change_id").asString("")).isEqualTo(changeIds[i]);
    }
  }

  @Test
  void strictIncrementalWithoutABaselineIsRefused() throws Exception {
    String body = "{\"vm_name\":\"web\",\"backup_type\":\"incremental\",\"strict\":true}";

    assertProblem(post("/api/v1/backups", admin, body), 422, "NO_BASELINE", "vda");
  }

  @Test
  void strictIncrementalIsRefusedForADiskThatIsNewInTheDefinition() throws Exception {
    Path disk = folder.resolve("grown.qcow2");
    Path added = folder.resolve("added.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "4M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", added, "4M");
    String one =
        """
        vm: grown
        source:
          type: image
          disks:
            - { key: vda, path: %s }
        repository: %s
        """
            .formatted(disk, folder.resolve("repository"));
    Path definition = Files.writeString(folder.resolve("jobs/grown.yaml"), one);
    String body = "{\"vm_name\":\"grown\",\"backup_type\":\"incremental\",\"strict\":true}";
    awaitCompleted(post("/api/v1/backups", admin, "{\"vm_name\":\"grown\"}"));
    awaitCompleted(post("/api/v1/backups", admin, body));

    Files.writeString(
        definition,
        one.replace("repository:", "    - { key: vdb, path: " + added + " }\nrepository:"));

    assertProblem(post("/api/v1/backups", admin, body), 422, "NO_BASELINE", "[vdb]");
  }

  private static void awaitCompleted(HttpResponse<String> begun) throws Exception {
    String path = "/api/v1/backups/" + JSON.readTree(begun.body()).path("backup_id").asString();
    for (int i = 0; i < 600; i++) {
      if (json(get(path, admin)).get("status").asString().equals("COMPLETED")) {
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError(begun.body() + get(path, admin).body());
  }

  @Test
  void wrongBodiesAreRefusedByName() throws Exception {
    assertProblem(post("/api/v1/backups", admin, "{"), 400, "JSON");
    assertProblem(post("/api/v1/backups", admin, "[]"), 400, "object");
    assertProblem(post("/api/v1/backups", admin, "{}"), 400, "vm_name");
    assertProblem(post("/api/v1/backups", admin, "{\"vm_name\":7}"), 400, "vm_name");
    assertProblem(
        post("/api/v1/backups", admin, "{\"vm_name\":\"web\",\"vm\":1}"), 400, "vm", "accepted");
    assertProblem(
        post("/api/v1/backups", admin, "{\"vm_name\":\"web\",\"backup_type\":\"half\"}"),
        400,
        "half",
        "incremental");
    assertProblem(
        post("/api/v1/backups", admin, "{\"vm_name\":\"" + "x".repeat(1 << 20) + "\"}"),
        413,
        "65536");
    assertProblem(post("/api/v1/backups", admin, "[".repeat(60_000)), 400, "JSON");
    assertProblem(
        send(
            request("/api/v1/backups")
                .header("Authorization", "Bearer " + admin)
                .POST(HttpRequest.BodyPublishers.ofString("vm_name=web"))),
        415,
        "application/json");
  }

  @Test
  void unknownIdsAndMethodsAreProblems() throws Exception {
    assertProblem(get("/api/v1/backups/backup-x", admin), 404, "backup-x");
    assertProblem(post("/api/v1/backups/backup-x/stop", admin, ""), 404, "backup-x");
    HttpRequest.Builder put =
        request("/api/v1/backups")
            .header("Authorization", "Bearer " + admin)
            .method("PUT", HttpRequest.BodyPublishers.noBody());
    assertProblem(send(put), 405, "PUT", "openapi.yaml");
    assertProblem(get("/api/v1/backups/a;b=c", admin), 400, "path");
    assertProblem(get("/api/v1/backups?vm_name=%FF", admin), 400, "percent-encode");
    assertProblem(get("/api/v1/nothing", admin), 404, "nothing", "openapi.yaml");
    assertProblem(get("/api/v1/backups?limit=x", admin), 400, "limit", "'x'", "whole number");
    assertProblem(
        post("/api/v1/backups/b/recover?force=x", admin, ""), 400, "force", "true or false");
    assertProblem(get("/api/v1/backups?limit=0", admin), 400, "limit");
  }
}
