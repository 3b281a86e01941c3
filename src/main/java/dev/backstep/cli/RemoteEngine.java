package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RunSettings;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.TaskRun;
import dev.backstep.job.Verification;
import dev.backstep.job.definition.JobDefinitions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/**
 * The engine that is a running server: the embedded database can be open in one process only, so
 * while a server has it, commands of the same home folder ask that server. Thread-safe.
 */
final class RemoteEngine implements Engine {

  private static final String BACKUPS = "/api/v1/backups";
  private static final String REPLICATIONS = "/api/v1/replications";

  private static final TypeReference<Map<String, @Nullable Object>> ROW = new TypeReference<>() {};

  private final RemoteClient client;

  private RemoteEngine(RemoteClient client) {
    this.client = client;
  }

  /**
   * The server of a home folder; empty when none serves there, or the database is one that several
   * processes can open.
   *
   * @throws OperatorException FAILED when there is one, and its token cannot be read
   */
  static Optional<Engine> find(Path home, Map<String, String> environment) {
    if (!environment.getOrDefault("BACKSTEP_DB_URL", "").isBlank()) {
      return Optional.empty();
    }
    return HomeServer.find(home).map(RemoteEngine::new);
  }

  static String path(String id) {
    return BACKUPS + "/" + RemoteClient.encoded(id);
  }

  @Override
  public BackupRun launch(JobDefinition definition, RequestedLevel level) {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("vm_name", definition.vmName());
    request.put("backup_type", level.name().toLowerCase(Locale.ROOT));
    request.put("definition", JobDefinitions.write(definition));
    return run(client.post(BACKUPS, request));
  }

  private BackupRun run(JsonNode backup) {
    return RemoteRun.follow(client, new BackupId(backup.get("backup_id").asString()));
  }

  @Override
  public BackupRun relaunch(String id) {
    return run(client.post(path(id) + "/relaunch", Map.of()));
  }

  @Override
  public void stop(String id) {
    client.post(path(id) + "/stop", Map.of());
  }

  @Override
  public void abandon(String id) {
    client.post(path(id) + "/abandon", Map.of());
  }

  @Override
  public void recover(String id, boolean force) {
    client.post(path(id) + "/recover?force=" + force, Map.of());
  }

  @Override
  public void delete(String id) {
    client.delete(path(id));
  }

  @Override
  public TaskRun verify(Optional<BackupId> backup, boolean whole) {
    Map<String, Object> request = new LinkedHashMap<>();
    backup.ifPresentOrElse(
        id -> request.put("backup_id", id.value()), () -> request.put("all", true));
    request.put("structure_only", !whole);
    return RemoteTask.of(client, client.post(RemoteVerification.PATH, request));
  }

  @Override
  public TaskRun boot(String id, BootSettings settings) {
    return RemoteTask.of(
        client, client.post(RemoteRestoreTest.PATH, RemoteRestoreTest.request(id, settings)));
  }

  /** Over REST it would be a way to have a server run anything. */
  @Override
  public TaskRun run(String id, RunSettings settings) {
    throw OperatorException.busy(
        "the server at "
            + client.url()
            + " has the database open and runs no commands for others; stop it, test, start it",
        null);
  }

  @Override
  public Optional<RestoreTestRow> restoreTest(String id) {
    return client.find(RemoteRestoreTest.path(id)).map(RemoteRestoreTest::row);
  }

  @Override
  public TaskRun relaunchTask(String id) {
    return RemoteTask.of(client, client.post(RemoteTask.path(id) + "/relaunch", Map.of()));
  }

  @Override
  public TaskRun restore(RestoreRequest request) {
    return RemoteTask.of(client, client.post(RemoteRestore.PATH, RemoteRestore.request(request)));
  }

  @Override
  public List<RestoredDisk> restoredDisks(String id) {
    return client.find(RemoteRestore.path(id)).map(RemoteRestore::disks).orElse(List.of());
  }

  @Override
  public Optional<String> supersededBy(String restore) {
    return client
        .find(RemoteRestore.path(restore))
        .flatMap(json -> RemoteRows.text(json, "superseded_by"));
  }

  @Override
  public TaskRun replicate(JobDefinition definition, RequestedLevel level, boolean verify) {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("vm_name", definition.vmName());
    request.put("level", level == RequestedLevel.FULL ? "full" : "auto");
    request.put("verify", verify);
    request.put("definition", JobDefinitions.write(definition));
    return new RemoteTask(client, client.post(REPLICATIONS, request).get("job_id").asString());
  }

  @Override
  public Map<String, @Nullable Object> replication(String id) {
    return RemoteClient.JSON.convertValue(
        client.get(REPLICATIONS + "/" + RemoteClient.encoded(id)), ROW);
  }

  @Override
  public List<Map<String, @Nullable Object>> replicas(Optional<String> vmPath) {
    Map<String, @Nullable Object> query = new HashMap<>();
    query.put("vm_path", vmPath.orElse(null));
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    client
        .rows(REPLICATIONS + "/targets", "targets", query, Integer.MAX_VALUE)
        .forEach(row -> rows.add(RemoteClient.JSON.convertValue(row, ROW)));
    return rows;
  }

  @Override
  public void stopTask(String id) {
    client.post(RemoteTask.path(id) + "/stop", Map.of());
  }

  @Override
  public Optional<TaskRow> task(String id) {
    boolean restore = TaskKind.ofId(id).equals(Optional.of(TaskKind.RESTORE));
    return client.find(restore ? RemoteRestore.path(id) : RemoteTask.path(id)).map(RemoteTask::row);
  }

  @Override
  public List<JudgedTask> tasks(Optional<TaskKind> kind, Optional<Status> status, int limit) {
    Map<String, @Nullable Object> query = new HashMap<>();
    query.put("kind", kind.map(TaskKind::word).orElse(null));
    query.put("status", status.map(Status::name).orElse(null));
    return client.rows(RemoteTask.PATH, "tasks", query, limit).stream()
        .map(RemoteTask::judged)
        .toList();
  }

  @Override
  public RetentionVerbs retention() {
    return new RemoteRetention(client);
  }

  @Override
  public RepositoryVerbs repositories() {
    return new RemoteRepositories(client);
  }

  @Override
  public Optional<Verification> verification(String id) {
    return RemoteVerification.find(client, id);
  }

  @Override
  public Optional<BackupRow> find(String id) {
    return client.find(path(id)).map(RemoteRows::backup);
  }

  @Override
  public List<BackupRow> list(Optional<String> vmName, int limit) {
    Map<String, @Nullable Object> query = new HashMap<>();
    query.put("vm_name", vmName.orElse(null));
    return client.rows(BACKUPS, "backups", query, limit).stream().map(RemoteRows::backup).toList();
  }

  @Override
  public boolean ownerAlive(BackupRow backup) {
    for (JsonNode row : client.get("/api/v1/executions/running").get("running")) {
      if (row.get("backup_id").asString().equals(backup.id().value())) {
        return row.get("owner_alive").asBoolean();
      }
    }
    return false;
  }

  @Override
  public Optional<StoredChangeId> changeId(String vmName, int diskId) {
    Map<String, Object> query = Map.of("vm_name", vmName, "disk_id", diskId);
    JsonNode stored = client.get(RemoteClient.path(BACKUPS + "/changeid", query));
    String diskBackup = stored.get("backup_id").asString();
    String changeId = stored.get("change_id").asString();
    return diskBackup.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new StoredChangeId(
                changeId.isEmpty() ? Optional.empty() : Optional.of(new ChangeId(changeId)),
                new DiskBackupId(diskBackup)));
  }

  @Override
  public Page<Map<String, @Nullable Object>> report(
      AdminReport report, AdminFilter filter, PageRequest request) {
    Map<String, @Nullable Object> query = new LinkedHashMap<>();
    query.put("vm_name", filter.vm().orElse(null));
    query.put("disk_id", filter.disk().isPresent() ? filter.disk().getAsInt() : null);
    query.put("since", filter.since().orElse(null));
    query.put("reason", filter.reason().orElse(null));
    query.put("limit", request.limit());
    query.put("after", request.after().orElse(null));
    JsonNode page = client.get(RemoteClient.path("/api/v1/executions/" + report.word(), query));
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    for (JsonNode row : page.get(report.word())) {
      rows.add(RemoteClient.JSON.convertValue(row, ROW));
    }
    return new Page<>(rows, RemoteRows.text(page, "next"));
  }

  @Override
  public IntConsumer record(String action) {
    return status -> {};
  }

  @Override
  public String database() {
    client.get("/health");
    return "open in the server at " + client.url() + ", which is asked";
  }

  @Override
  public List<String> vmNames() {
    return client.rows("/api/v1/vms", "vms", Map.of(), Integer.MAX_VALUE).stream()
        .map(row -> row.get("vm_name").asString())
        .toList();
  }

  @Override
  public void close() {
    client.close();
  }
}
