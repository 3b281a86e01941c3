package dev.backstep.api;

import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.bench.HistoryPages;
import dev.backstep.job.AdminReport;
import dev.backstep.job.external.TestDisks;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.annotation.ClassPathScanningCandidateComponentProvider;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.type.filter.AnnotationTypeFilter;
import org.springframework.util.ClassUtils;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;

/** The document says what the program's routes are and what a real server answers. */
class OpenApiIT {

  private static final Set<String> METHODS = Set.of("get", "post", "put", "delete", "patch");

  @TempDir static Path folder;

  private static ServerProcess server;
  private static Map<String, Object> document;

  @BeforeAll
  static void serve() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    TestDisks disks = new TestDisks(Files.createDirectory(folder.resolve("vm")), 5, 4 << 20);
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        disks.definition("vm")
            + "schedule: { cron: \"0/2 * * * * ?\", zone: UTC }\nretention: { last: 1000 }\n");
    server = ServerProcess.start(folder, "home", Map.of());
    document = new Yaml().load(server.get("/api/v1/openapi.yaml").body());
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Object node) {
    return (Map<String, Object>) node;
  }

  /** What a reference stands for. */
  private static Map<String, Object> resolve(Object node) {
    Map<String, Object> fields = map(node);
    Object reference = fields.get("$ref");
    if (reference == null) {
      return fields;
    }
    Object found = document;
    for (String part : reference.toString().substring("#/".length()).split("/")) {
      found = map(found).get(part);
      assertThat(found).as(reference.toString()).isNotNull();
    }
    return resolve(found);
  }

  /** Method and path, and the names of the query's parameters. */
  private static Map<String, Set<String>> documented() {
    Map<String, Set<String>> routes = new TreeMap<>();
    map(document.get("paths"))
        .forEach((path, item) ->
            map(item)
                .forEach((method, operation) -> {
                  if (METHODS.contains(method)) {
                    Set<String> parameters = new TreeSet<>();
                    parameters.addAll(queryParameters(map(item).get("parameters")));
                    parameters.addAll(queryParameters(map(operation).get("parameters")));
                    routes.put(method + " " + path, parameters);
                  }
                }));
    return routes;
  }

  private static Set<String> queryParameters(Object list) {
    Set<String> names = new TreeSet<>();
    for (Object parameter : list == null ? List.of() : (List<?>) list) {
      Map<String, Object> fields = resolve(parameter);
      if ("query".equals(fields.get("in"))) {
        names.add(String.valueOf(fields.get("name")));
      }
    }
    return names;
  }

  private static Map<String, Set<String>> mapped() throws ClassNotFoundException {
    Map<String, Set<String>> routes = new TreeMap<>();
    var scanner = new ClassPathScanningCandidateComponentProvider(false);
    scanner.addIncludeFilter(new AnnotationTypeFilter(RestController.class));
    for (var bean : scanner.findCandidateComponents("dev.backstep.api")) {
      Class<?> controller = ClassUtils.forName(String.valueOf(bean.getBeanClassName()), null);
      String base =
          AnnotatedElementUtils.findMergedAnnotation(controller, RequestMapping.class).path()[0];
      for (Method method : controller.getDeclaredMethods()) {
        RequestMapping mapping =
            AnnotatedElementUtils.findMergedAnnotation(method, RequestMapping.class);
        if (mapping != null) {
          String path = mapping.path().length == 0 ? "" : mapping.path()[0];
          for (RequestMethod verb : mapping.method()) {
            routes.put(
                verb.name().toLowerCase(java.util.Locale.ROOT)
                    + " "
                    + (base + path).replaceAll("\\{([a-z]+):[^/]*\\}", "{$1}"),
                parameters(method));
          }
        }
      }
    }
    return routes;
  }

  private static Set<String> parameters(Method method) {
    Set<String> names = new TreeSet<>();
    for (Parameter parameter : method.getParameters()) {
      RequestParam request = parameter.getAnnotation(RequestParam.class);
      if (request != null) {
        names.add(request.name());
      }
    }
    return names;
  }

  @Test
  void hasEachRouteWithItsParametersAndNoOther() throws Exception {
    assertThat(documented()).isEqualTo(mapped()).hasSizeGreaterThan(25);
  }

  @Test
  void everyReferenceLeadsSomewhere() {
    resolveAll(document);
  }

  private static void resolveAll(Object node) {
    if (node instanceof Map<?, ?> fields) {
      if (fields.containsKey("$ref")) {
        assertThat(resolve(node)).isNotEmpty();
      }
      fields.values().forEach(OpenApiIT::resolveAll);
    } else if (node instanceof List<?> list) {
      list.forEach(OpenApiIT::resolveAll);
    }
  }

  /** An answer that has lists comes in pages, or says why it cannot grow without end. */
  @Test
  void everyListComesInPagesOrIsBounded() {
    Map<String, Set<String>> routes = documented();
    map(document.get("paths"))
        .forEach((path, item) -> {
          Object get = map(item).get("get");
          if (get == null || lists(map(get)).isEmpty()) {
            return;
          }
          if (answered(map(get)).containsKey("next")) {
            assertThat(routes.get("get " + path)).as(path).contains("limit", "after");
            assertThat(lists(map(get))).as(path).hasSize(1);
          } else {
            assertThat(String.valueOf(map(get).get("x-bounded"))).as(path).contains(" ");
          }
        });
  }

  /**
   * What is told of a history, but for what there is none of in one, is measured over a long one.
   */
  @Test
  void everyListAndDetailIsMeasured() {
    List<String> elsewhere =
        List.of(
            "/api/v1/openapi.yaml",
            "/api/v1/backups/{id}/events",
            "/api/v1/schedules", // with a server that has some
            "/api/v1/restores/{id}",
            "/api/v1/restore-tests/{id}",
            "/api/v1/repository-checks/{id}",
            "/api/v1/repository-checks/{id}/findings");

    assertThat(documented().keySet())
        .filteredOn(route -> route.startsWith("get "))
        .extracting(route -> route.substring("get ".length()))
        .filteredOn(path -> !elsewhere.contains(path))
        .hasSizeGreaterThan(20)
        .allSatisfy(path ->
            assertThat(HistoryPages.paths())
                .anyMatch(asked -> asked.matches(path.replaceAll("\\{[^}]+}", "[^/]+"))));
  }

  private static List<String> lists(Map<String, Object> operation) {
    return answered(operation).entrySet().stream()
        .filter(property -> "array".equals(resolve(property.getValue()).get("type")))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** What an answer in JSON has; lists of any name by {@code *}. */
  private static Map<String, Object> answered(Map<String, Object> operation) {
    Map<String, Object> content =
        map(resolve(map(operation.get("responses")).get("200")).getOrDefault("content", Map.of()));
    Object json = content.get("application/json");
    if (json == null) {
      return Map.of();
    }
    Map<String, Object> schema = resolve(map(json).get("schema"));
    Map<String, Object> all = properties(schema);
    if (schema.get("additionalProperties") instanceof Map<?, ?> more) {
      all.put("*", more);
    }
    return all;
  }

  @Test
  void reportsAreThoseThatThereAre() {
    Object parameters =
        map(map(document.get("paths")).get("/api/v1/executions/{report}")).get("parameters");
    Map<String, Object> report = map(((List<?>) parameters).getFirst());

    assertThat(map(report.get("schema")).get("enum"))
        .isEqualTo(Arrays.stream(AdminReport.values()).map(AdminReport::word).toList());
  }

  @Test
  void requestsHaveTheFieldsThatAreAccepted() {
    assertThat(properties("BackupRequest").keySet()).isEqualTo(RequestedBackups.FIELDS);
    assertThat(properties("Completion").keySet()).isEqualTo(MoverRequests.COMPLETION_FIELDS);
    assertThat(properties("ReplicationRequest").keySet()).isEqualTo(ReplicationController.FIELDS);
    assertThat(properties("ReplicaCompletion").keySet())
        .isEqualTo(ReplicationController.CHANGE_ID_FIELDS);
  }

  /** The properties of a schema, those that it is made of included. */
  private static Map<String, Object> properties(String schema) {
    return properties(map(map(map(document.get("components")).get("schemas")).get(schema)));
  }

  private static Map<String, Object> properties(Map<String, Object> schema) {
    Map<String, Object> all = new TreeMap<>();
    Map<String, Object> resolved = resolve(schema);
    for (Object part : (List<?>) resolved.getOrDefault("allOf", List.of())) {
      all.putAll(properties(map(part)));
    }
    for (Object part : (List<?>) resolved.getOrDefault("anyOf", List.of())) {
      all.putAll(properties(map(part)));
    }
    all.putAll(map(resolved.getOrDefault("properties", Map.of())));
    return all;
  }

  private static void assertIs(String schema, JsonNode answer) {
    assertIs(schema, properties(schema), answer);
  }

  /** Each field that is documented is there and no other, at any depth; lists by their rows. */
  private static void assertIs(String where, Map<String, Object> properties, JsonNode answer) {
    assertThat(new TreeSet<>(answer.propertyNames())).as(where).isEqualTo(properties.keySet());
    properties.forEach((name, property) -> {
      Map<String, Object> schema = resolve(property);
      JsonNode value = answer.get(name);
      String place = where + "." + name;
      if (value.isArray()) {
        Map<String, Object> rows = properties(map(schema.get("items")));
        value.forEach(row -> {
          if (row.isObject()) {
            assertIs(place, rows, row);
          }
        });
      } else if (value.isObject()) {
        assertIs(place, properties(schema), value);
      } else {
        assertType(place, schema, value);
      }
    });
  }

  private static void assertType(String place, Map<String, Object> schema, JsonNode value) {
    String type = String.valueOf(schema.getOrDefault("type", schema.get("enum")));
    if (value.isNull()) {
      assertThat(type + schema.get("anyOf")).as(place).contains("null");
    } else if (value.isNumber()) {
      assertThat(type).as(place).contains("integer");
    } else if (value.isBoolean()) {
      assertThat(type).as(place).contains("boolean");
    } else if (schema.get("enum") != null) {
      assertThat(type).as(place).contains(value.asString());
    }
  }

  @Test
  void answersAreWhatItSays() throws Exception {
    for (int i = 0; i < 300 && get("/api/v1/backups?vm_name=vm").get("backups").isEmpty(); i++) {
      Thread.sleep(100);
    }
    assertIs("Schedule", json(server.post("/api/v1/schedules/pause", "{\"vm_name\":\"vm\"}"), 200));
    String id = get("/api/v1/backups?vm_name=vm").get("backups").get(0).get("backup_id").asString();
    JsonNode backup = server.awaitCompleted(id);
    for (int i = 0; i < 300 && get("/api/v1/schedules/fires").get("fires").isEmpty(); i++) {
      Thread.sleep(100);
    }

    assertIs("Backup", backup);
    JsonNode begun = json(server.post("/api/v1/schedules/run", "{\"vm_name\":\"vm\"}"), 202);
    assertIs("QueuedBackup", begun);
    server.awaitCompleted(begun.get("backup_id").asString());
    assertIs("BackupPage", get("/api/v1/backups?limit=3"));
    assertIs("ChangeId", get("/api/v1/backups/changeid?vm_name=vm"));
    assertIs("ExecutionPage", get("/api/v1/executions?backup_id=" + id));
    assertIs("VmPage", get("/api/v1/vms"));
    assertIs("RepositoryPage", get("/api/v1/repositories"));
    String repository =
        get("/api/v1/repositories").get("repositories").get(0).get("repository_id").asString();
    assertIs("ReachedRepository", get("/api/v1/repositories/" + repository));
    assertIs("SchedulePage", get("/api/v1/schedules"));
    assertIs("FirePage", get("/api/v1/schedules/fires"));
    assertIs("MissedFirePage", get("/api/v1/schedules/missed"));
    assertIs("Reload", json(server.post("/api/v1/schedules/reload", "{}"), 200));
    assertIs(
        "NewToken",
        json(server.post("/api/v1/tokens", "{\"name\":\"a\",\"role\":\"viewer\"}"), 201));
    assertIs("TokenPage", get("/api/v1/tokens"));
    assertIs("AuditPage", get("/api/v1/audit?limit=3"));
    assertIs("Problem", json(server.get("/api/v1/backups/nothing"), 404));
    retentionIsWhatItSays(id);
    copyIsWhatItSays(get("/api/v1/repositories").get("repositories").get(0).get("path"));
    restoreIsWhatItSays(backup);
    restoreTestIsWhatItSays(backup);
    verificationIsWhatItSays(backup);
    repositoryCheckIsWhatItSays(backup.get("repository_id"));
  }

  private static void copyIsWhatItSays(JsonNode source) throws Exception {
    String request = "{\"source\":" + source + ",\"target\":\"" + folder.resolve("second") + "\"}";
    assertIs("Task", json(server.post("/api/v1/copies", request), 202));
    assertIs(
        "Problem",
        json(server.post("/api/v1/copies", "{\"source\":" + source + ",\"target\":\"x\"}"), 400));
  }

  private static void retentionIsWhatItSays(String id) throws Exception {
    assertIs("Pin", json(server.post("/api/v1/backups/" + id + "/pin", "{}"), 200));
    assertIs("Pin", json(server.post("/api/v1/backups/" + id + "/unpin", "{}"), 200));
    assertIs("Problem", json(server.post("/api/v1/backups/nothing/pin", "{}"), 404));
    JsonNode plan = json(server.post("/api/v1/prunes", "{\"plan\":true}"), 200);
    assertIs("PrunePlan", plan);
    assertThat(plan.get("vms").get(0).get("restore_points").isEmpty()).isFalse();
    assertIs("Task", json(server.post("/api/v1/prunes", "{\"vm_names\":[\"vm\"]}"), 202));
    assertIs("Problem", json(server.post("/api/v1/prunes", "{\"vm_names\":[\"x\"]}"), 404));
    Object repository = get("/api/v1/repositories").get("repositories").get(0).get("path");
    assertIs("Orphans", json(server.post("/api/v1/orphans", "{\"path\":" + repository + "}"), 200));
    JsonNode stored = json(server.post("/api/v1/plans", "{}"), 201);
    assertIs("Plan", stored);
    String planned = "/api/v1/plans/" + stored.get("plan_id").asString();
    assertIs("PlanPage", get("/api/v1/plans"));
    assertIs("Plan", get(planned));
    assertIs("Problem", json(server.post(planned + "/approve", "{}"), 409));
    assertIs("Problem", json(server.post(planned + "/run", "{}"), 409));
    assertIs("MergePlan", json(server.post("/api/v1/merges", "{\"plan\":true}"), 200));
    assertIs("Task", json(server.post("/api/v1/merges", "{\"vm_names\":[\"vm\"]}"), 202));
    assertIs(
        "Problem",
        json(server.post("/api/v1/prunes", "{\"vm_names\":[],\"definitions\":[\"x\"]}"), 400));
  }

  @Test
  void replicationsAreWhatTheySay() throws Exception {
    String path = "/api/v1/replications";
    String begin =
        "{\"mover\":\"external\",\"vm_path\":\"/a\",\"job_id\":\"j\",\"disks\":[\"disk-1\"]}";
    String done = "{\"disk_id\":\"disk-1\",\"change_id\":\"c\"}";
    assertIs("Replication", json(server.post(path, begin), 202));
    assertIs("Replication", json(server.post(path + "/j/changeid", done), 200));
    assertIs("Replication", get(path + "/j"));
    assertIs("ReplicationPage", get(path));
    assertIs("ReplicaTargetPage", get(path + "/targets"));
    assertIs("ReplicaChangeId", get(path + "/changeid?vm_path=%2Fa&disk_id=disk-1"));
    assertIs("Problem", json(server.post(path + "/j/abandon", "{}"), 409));
    assertIs("Problem", json(server.get(path + "/nothing"), 404));
  }

  private static void restoreIsWhatItSays(JsonNode backup) throws Exception {
    Path image = Path.of(disks(backup).getFirst().get("image").asString());
    Path to = Files.createDirectory(folder.resolve("restored"));
    Path file = to.resolve("disk.raw");
    String disk = "{\"disk_id\":0,\"kind\":\"raw\",\"target\":\"" + file + "\"}";
    String id = backup.get("backup_id").asString();
    JsonNode begun = json(restore(id, disk), 202);
    assertIs("Restore", begun);
    String path = "/api/v1/restores/" + begun.get("task_id").asString();
    JsonNode now = get(path);
    for (int i = 0; i < 300 && now.get("status").asString().equals("RUNNING"); i++) {
      Thread.sleep(100);
      now = get(path);
    }
    assertIs("Restore", now);
    assertThat(now.get("status").asString()).as("%s", now).isEqualTo("COMPLETED");
    Tool.compare(file, "raw", image, "qcow2");
    assertIs("Problem", json(server.get("/api/v1/restores/nothing"), 404));
    for (String wrong :
        List.of(
            "",
            disk + "," + disk,
            disk.replace("raw\"", "vmdk\""),
            disk.replace(file.toString(), "relative"),
            disk.replace(file.toString(), to + "/../x"))) {
      assertIs("Problem", json(restore(id, wrong), 400));
    }
    assertIs("Problem", json(restore(id, disk.replace(":0", ":9")), 404));
  }

  private static HttpResponse<String> restore(String id, String disks) throws Exception {
    return server.post(
        "/api/v1/restores", "{\"backup_id\":\"" + id + "\",\"disks\":[" + disks + "]}");
  }

  /** What it boots is no system: the machine's end, or its time's, is the verdict. */
  private static void restoreTestIsWhatItSays(JsonNode backup) throws Exception {
    String path = "/api/v1/restore-tests";
    String point = "{\"backup_id\":\"" + backup.get("backup_id").asString() + "\"";
    String sign = ",\"console\":\"x\",\"limit_seconds\":1}";
    JsonNode begun = json(server.post(path, point + sign), 202);
    assertIs("RestoreTest", begun);
    String id = begun.get("task_id").asString();
    JsonNode now = get(path + "/" + id);
    for (int i = 0; i < 300 && now.get("status").asString().equals("RUNNING"); i++) {
      Thread.sleep(100);
      now = get(path + "/" + id);
    }
    assertIs("RestoreTest", now);
    assertThat(now.get("verdict").asString()).as(now.toString()).isEqualTo("FAILED");
    assertIs("Problem", json(server.post(path, point + "}"), 400));
    assertIs("Problem", json(server.get(path + "/test-nothing"), 404));
  }

  /** Of a repository without the image that a verification misses, too. */
  private static void repositoryCheckIsWhatItSays(JsonNode repository) throws Exception {
    String path = "/api/v1/repository-checks";
    String asked = "{\"repository_id\":" + repository + "}";
    JsonNode begun = json(server.post(path, asked), 202);
    assertIs("RepositoryCheck", begun);
    String id = begun.get("task_id").asString();
    JsonNode now = get(path + "/" + id);
    for (int i = 0; i < 300 && now.get("status").asString().equals("RUNNING"); i++) {
      Thread.sleep(100);
      now = get(path + "/" + id);
    }
    assertIs("RepositoryCheck", now);
    assertThat(now.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(now.get("verdict").asString()).isEqualTo("DAMAGED");
    JsonNode findings = get(path + "/" + id + "/findings?limit=1");
    assertIs("RepositoryFindingPage", findings);
    assertThat(findings.get("findings").size()).isEqualTo(1);
    JsonNode list = get("/api/v1/tasks?kind=check");
    assertIs("TaskPage", list);
    assertThat(list.get("tasks").get(0).get("verdict").asString()).isEqualTo("DAMAGED");
    assertIs("Problem", json(server.post(path, "{\"repository_id\":\"nothing\"}"), 404));
    assertIs("Problem", json(server.post(path, "{}"), 400));
    assertIs("Problem", json(server.get(path + "/check-nothing"), 404));
    assertIs("Problem", json(server.get(path + "/" + id + "/findings?after=nowhere"), 400));
  }

  /** Of a damaged image, so that there is something to be told. */
  private static void verificationIsWhatItSays(JsonNode backup) throws Exception {
    Files.delete(Path.of(disks(backup).getFirst().get("image").asString()));
    String path = "/api/v1/verifications";
    String asked = "{\"backup_id\":\"" + backup.get("backup_id").asString() + "\"}";
    JsonNode begun = json(server.post(path, asked), 202);
    assertIs("Verification", begun);
    String id = begun.get("task_id").asString();
    JsonNode now = get(path + "/" + id);
    for (int i = 0; i < 300 && now.get("status").asString().equals("RUNNING"); i++) {
      Thread.sleep(100);
      now = get(path + "/" + id);
    }
    assertIs("Verification", now);
    JsonNode images = get(path + "/" + id + "/images?limit=1");
    assertIs("VerifiedImagePage", images);
    assertThat(images.get("images").size()).isEqualTo(1);
    JsonNode findings = get(path + "/" + id + "/findings");
    assertIs("VerifyFindingPage", findings);
    assertThat(findings.get("findings").size()).isEqualTo(1);
    assertIs("Problem", json(server.get(path + "/verify-nothing/images"), 404));
    assertIs("Problem", json(server.get(path + "/" + id + "/findings?after=nowhere"), 400));
    assertIs("VerificationPage", get(path));
    String tasks = "/api/v1/tasks";
    assertIs("Task", get(tasks + "/" + id));
    JsonNode list = get(tasks + "?kind=verify");
    assertIs("TaskPage", list);
    assertThat(list.get("tasks").get(0).get("verdict").asString()).isEqualTo("DAMAGED");
    assertThat(list.get("tasks").get(0).get("images_damaged").asInt()).isEqualTo(1);
    assertThat(get(tasks + "?kind=replicate").get("tasks").size()).isZero();
    assertIs("Problem", json(server.get(tasks + "?kind=dance"), 400));
    assertThat(get(tasks + "?kind=verify&status=FAILED").get("tasks").toString())
        .doesNotContain(id);
    assertThat(get(tasks + "?status=completed").get("tasks").toString()).contains(id);
    assertThat(json(server.get(tasks + "?status=DELETED"), 400).get("detail").asString())
        .contains("DELETED", "RUNNING, COMPLETED, FAILED, STOPPED");
    assertIs("Problem", json(server.get(tasks + "/verify-nothing"), 404));
    assertIs("Problem", json(server.post(tasks + "/" + id + "/stop", "{}"), 409));
    assertIs("Problem", json(server.post(tasks + "/" + id + "/relaunch", "{}"), 409));
    assertIs("Problem", json(server.post(path, "{}"), 400));
    assertIs("Problem", json(server.get(path + "/verify-nothing"), 404));
  }

  @Test
  void answersToMoversAreWhatItSays() throws Exception {
    TestDisks disks = new TestDisks(Files.createDirectory(folder.resolve("moved")), 6, 4 << 20);
    Files.writeString(folder.resolve("jobs/moved.yaml"), disks.definition("moved"));

    JsonNode backup =
        json(server.post("/api/v1/backups", "{\"vm_name\":\"moved\",\"mover\":\"external\"}"), 202);

    assertIs("MovedBackup", backup);
  }

  private static JsonNode get(String path) throws IOException {
    return json(server.get(path), 200);
  }
}
