package dev.backstep.api;

import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.job.external.TestDisks;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Health, metrics and log lines of server processes. */
class MonitorIT {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Pattern METRIC = Pattern.compile("\\b(?:backstep|jvm)_[a-z_]+");

  /** A series by its name and, in braces, its labels. */
  private static final Pattern SELECTOR =
      Pattern.compile("\\b(backstep_[a-z_]+|up\\b)(?:\\{([^}]*)\\})?");

  private static final String NEVER = "schedule: { cron: \"0 0 0 1 1 ? 2098\", zone: UTC }\n";

  @TempDir static Path folder;

  private static ServerProcess server;
  private static JsonNode done;

  @BeforeAll
  static void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    define("a", NEVER + "verify: { cron: \"0/5 * * * * ?\" }\n");
    define("b", "schedule: { cron: \"0/2 * * * * ?\", zone: UTC }\n");
    Map<String, String> ecs = Map.of("LOGGING_STRUCTURED_FORMAT_CONSOLE", "ecs");
    server = ServerProcess.start(folder, "home", ecs);
    done = server.backup("a");
    assertThat(done.get("status").asString()).isEqualTo("COMPLETED");
    String scheduled =
        "backstep_backups_total{level=\"full\",origin=\"schedule\",result=\"completed\"}";
    await(() -> value(metrics(server), scheduled) > 0);
    await(() -> metrics(server).contains("backstep_restore_point_timestamp_seconds{"));
    await(() -> metrics(server).contains("backstep_oldest_proof_timestamp_seconds{"));
    Files.delete(folder.resolve("jobs/b.yaml"));
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  private static void define(String vm, String schedule) throws Exception {
    TestDisks disks = new TestDisks(Files.createDirectory(folder.resolve(vm)), 7, 4 << 20, 4 << 20);
    Files.writeString(folder.resolve("jobs/" + vm + ".yaml"), disks.definition(vm) + schedule);
  }

  private static void await(BooleanSupplier fact) throws InterruptedException {
    for (int i = 0; i < 600 && !fact.getAsBoolean(); i++) {
      Thread.sleep(100);
    }
    assertThat(fact.getAsBoolean()).isTrue();
  }

  private static String metrics(ServerProcess of) {
    HttpResponse<String> response = of.get("/metrics");
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return response.body();
  }

  private static double value(String metrics, String series) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(series + " "))
        .map(line -> Double.parseDouble(line.substring(series.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError(series + " is not in\n" + metrics));
  }

  @Test
  void tasksAreCountedByKindAndHowTheyEnded() throws Exception {
    String verified = "backstep_tasks_total{kind=\"verify\",result=\"completed\"}";
    String failed = "backstep_tasks_total{kind=\"verify\",result=\"failed\"}";
    double verifiedBefore = value(metrics(server), verified);
    double failedBefore = value(metrics(server), failed);
    String request = "{\"backup_id\":\"" + done.get("backup_id").asString() + "\"}";

    json(server.post("/api/v1/verifications", request), 202);
    await(() -> value(metrics(server), verified) == verifiedBefore + 1);
    Path head = folder.resolve("a/repository/repository.json");
    Path away = Files.move(head, head.resolveSibling("away"));
    json(server.post("/api/v1/verifications", request), 202);
    await(() -> value(metrics(server), failed) == failedBefore + 1);
    Files.move(away, head);
  }

  private static HttpResponse<String> open(ServerProcess of, String path) {
    return ServerProcess.send(of.request(path).setHeader("Authorization", "none"));
  }

  @Test
  void healthSaysUpOrDownAndNothingElse() {
    String up = "{\"status\":\"UP\"}";
    assertThat(json(open(server, "/health"), 200))
        .isEqualTo(
            JSON.readTree(
                "{\"components\":{\"database\":%s,\"process\":%s},\"groups\":[\"live\",\"ready\"],\"status\":\"UP\"}"
                    .formatted(up, up)));
    assertThat(json(open(server, "/health/live"), 200))
        .isEqualTo(
            JSON.readTree("{\"components\":{\"process\":%s},\"status\":\"UP\"}".formatted(up)));
    assertThat(open(server, "/health/ready").statusCode()).isEqualTo(200);
  }

  @Test
  void metricsTellWhatTheBackupDid() {
    String metrics = metrics(server);
    String full = "backstep_backups_total{level=\"full\",origin=\"api\",result=\"completed\"}";
    double disks =
        value(
            metrics,
            "backstep_disk_backups_total{level=\"full\",reason=\"NO_BASELINE\",result=\"completed\"}");

    assertThat(value(metrics, full)).isEqualTo(1);
    assertThat(disks).isGreaterThanOrEqualTo(4);
    assertThat(value(metrics, "backstep_backup_duration_seconds_count{result=\"completed\"}"))
        .isGreaterThanOrEqualTo(2);
    assertThat(value(metrics, "backstep_backup_read_bytes_total")).isPositive();
    assertThat(value(metrics, "backstep_backup_stored_bytes_total")).isGreaterThan(1 << 20);
    assertThat(value(metrics, "backstep_fire_lag_seconds_count")).isPositive();
    assertThat(value(metrics, "backstep_leases{state=\"live\"}")).isEqualTo(1);
    assertThat(value(metrics, "backstep_database_up")).isEqualTo(1);
    assertThat(value(metrics, "backstep_queue_backups{waiting_for=\"max_backups\"}")).isZero();
  }

  @Test
  void restorePointsTellTheirMoments() throws Exception {
    String series = "backstep_restore_point_timestamp_seconds{scheduled=\"true\",vm=\"a\"}";
    await(() -> value(metrics(server), series) > 0);

    assertThat(value(metrics(server), series))
        .isBetween(System.currentTimeMillis() / 1e3 - 600, System.currentTimeMillis() / 1e3);
  }

  @Test
  void everyMetricOfTheDashboardIsExported() throws Exception {
    Set<String> shown = new TreeSet<>();
    expressions(JSON.readTree(Files.readString(Path.of("ops/grafana/backstep.json"))), shown);
    Set<String> exported =
        metrics(server)
            .lines()
            .filter(line -> !line.startsWith("#"))
            .map(line -> line.split("[{ ]", 2)[0])
            .collect(Collectors.toSet());

    assertThat(shown).hasSizeGreaterThan(10);
    assertThat(exported).containsAll(shown);
  }

  private static void expressions(JsonNode node, Set<String> names) {
    for (JsonNode child : node) {
      expressions(child, names);
    }
    for (String field : List.of("expr", "definition")) {
      if (node.path(field).isString()) {
        METRIC
            .matcher(node.get(field).asString())
            .results()
            .map(MatchResult::group)
            .forEach(names::add);
      }
    }
  }

  /** Also what an alert is to see the first increase of must be there before it. */
  @Test
  void everySeriesThatAnAlertAsksForIsExported() throws Exception {
    String metrics = metrics(server) + "up{job=\"backstep\"} 1\n";
    int selectors = 0;
    for (JsonNode alert : alerts()) {
      for (MatchResult one : SELECTOR.matcher(alert.get("expr").asString()).results().toList()) {
        selectors++;
        List<String> labels =
            List.of(one.group(2) == null ? new String[0] : one.group(2).split(", *"));
        assertThat(metrics.lines())
            .as("%s: %s", alert.get("alert"), one.group())
            .anyMatch(line ->
                line.matches(one.group(1) + "[{ ].*") && labels.stream().allMatch(line::contains));
      }
    }
    assertThat(selectors).isGreaterThan(9);
  }

  @Test
  void operationsPageSaysWhatToDoAboutEachAlertAndNoOther() throws Exception {
    List<String> page =
        Files.readString(Path.of("docs/operations.md"))
            .lines()
            .dropWhile(line -> !line.equals("| alert | then |"))
            .skip(2)
            .takeWhile(line -> line.startsWith("| "))
            .map(line -> line.split(" *\\| *")[1])
            .toList();

    assertThat(alerts())
        .isNotEmpty()
        .extracting(MonitorIT::words)
        .containsExactlyInAnyOrderElementsOf(page);
  }

  /** An alert's name as the page has it. */
  private static String words(JsonNode alert) {
    return alert
        .get("alert")
        .asString()
        .replace("Backstep", "")
        .replaceAll("(?<=[a-z])(?=[A-Z])", " ")
        .toLowerCase(Locale.ROOT);
  }

  private static List<JsonNode> alerts() throws Exception {
    Object rules =
        new Yaml(new SafeConstructor(new LoaderOptions()))
            .load(Files.readString(Path.of("ops/prometheus/alerts.yaml")));
    List<JsonNode> alerts = new ArrayList<>();
    for (JsonNode group : JSON.<JsonNode>valueToTree(rules).get("groups")) {
      group.get("rules").forEach(alerts::add);
    }
    return alerts;
  }

  @Test
  void operationsPageNamesEveryMetric() throws Exception {
    String page = Files.readString(Path.of("docs/operations.md"));

    assertThat(metrics(server).lines().filter(line -> line.startsWith("# TYPE backstep_")).toList())
        .isNotEmpty()
        .allSatisfy(line -> {
          String name = line.split(" ")[2];
          if (!name.endsWith("_max")) {
            assertThat(page).contains("`" + name);
          }
        });
  }

  @Test
  void ecsLinesCarryTheBackupTheDiskAndTheExecution() throws Exception {
    List<JsonNode> lines = structured("home.err");

    assertThat(lines).isNotEmpty().allMatch(line -> line.has("@timestamp") && line.has("ecs"));
    assertCarried(lines, done);
  }

  @Test
  void logstashLinesCarryTheBackupTheDiskAndTheExecution() throws Exception {
    Map<String, String> format = Map.of("LOGGING_STRUCTURED_FORMAT_CONSOLE", "logstash");
    // A repository of its own: another database must not write to the first server's.
    define("c", NEVER);
    JsonNode backup;
    try (ServerProcess other = ServerProcess.start(folder, "logstash", format)) {
      backup = other.backup("c");
    }
    List<JsonNode> lines = structured("logstash.err");

    assertThat(lines).isNotEmpty().allMatch(line -> line.has("@version"));
    assertCarried(lines, backup);
  }

  /** What the log has, but for the one line of the command. */
  private static List<JsonNode> structured(String file) throws Exception {
    return Files.readAllLines(folder.resolve(file)).stream()
        .filter(line -> !line.startsWith("backstep: "))
        .map(JSON::readTree)
        .toList();
  }

  private static void assertCarried(List<JsonNode> lines, JsonNode backup) {
    Map<String, JsonNode> disks = new HashMap<>();
    for (JsonNode line : lines) {
      if (line.path("backup_id").asString("").equals(backup.get("backup_id").asString())
          && line.has("disk_id")) {
        disks.put(line.get("disk_id").asString(), line);
      }
    }
    assertThat(disks).containsOnlyKeys("0", "1");
    assertThat(disks.values())
        .allMatch(line -> line.path("execution_id").asString("").matches("[0-9]+"));
  }

  @Test
  void aDatabaseThatIsAwayHangsNoScrapeAndNoHealth() throws Exception {
    Map<String, String> environment = new HashMap<>(MariaDbServer.shared().newDatabase());
    String url = environment.get("BACKSTEP_DB_URL");
    int port = Integer.parseInt(url.replaceAll(".*:(\\d+)/.*", "$1"));
    try (Relay relay = Relay.to(port)) {
      environment.put("BACKSTEP_DB_URL", url.replace(":" + port + "/", ":" + relay.port() + "/"));
      try (ServerProcess other = ServerProcess.start(folder, "away", environment)) {
        assertThat(value(metrics(other), "backstep_database_up")).isEqualTo(1);

        relay.pause();
        long begun = System.nanoTime();
        assertThat(metrics(other)).contains("backstep_database_up");
        assertThat(System.nanoTime() - begun).isLessThan(5_000_000_000L);
        HttpResponse<String> unknown =
            ServerProcess.send(
                other.request("/metrics").setHeader("Authorization", "Bearer bst_new"));
        assertThat(unknown.statusCode()).isEqualTo(503);
        await(() -> open(other, "/health").statusCode() == 503);
        assertThat(open(other, "/health").body()).contains("\"database\":{\"status\":\"DOWN\"}");
        assertThat(open(other, "/health/live").statusCode()).isEqualTo(200);
        assertThat(value(metrics(other), "backstep_database_up")).isZero();
        assertThat(value(metrics(other), "backstep_leases{state=\"live\"}")).isNaN();

        relay.goOn();
        await(() -> open(other, "/health").statusCode() == 200);
        assertThat(value(metrics(other), "backstep_database_up")).isEqualTo(1);
      }
    }
  }
}
