package dev.backstep.cli;

import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.RepositoryId;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OrphanCollection;
import dev.backstep.job.RepositoryImport;
import dev.backstep.job.TaskRun;
import dev.backstep.repository.Orphans;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Repositories through a running server. */
final class RemoteRepositories implements RepositoryVerbs {

  private static final String CHECKS = "/api/v1/repository-checks";

  private final RemoteClient client;

  RemoteRepositories(RemoteClient client) {
    this.client = client;
  }

  @Override
  public RepositoryImport.Result importRepository(Path folder) {
    throw OperatorException.busy(
        "the server at " + client.url() + " has the database open; stop it, import, start it",
        null);
  }

  @Override
  public TaskRun copy(CopyRequest request) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("source", request.source().toString());
    fields.put("target", request.target().toString());
    fields.put("vm_names", request.vmNames());
    fields.put("backup_ids", request.ids());
    request.last().ifPresent(last -> fields.put("last", last));
    return RemoteTask.of(client, client.post("/api/v1/copies", fields));
  }

  @Override
  public Optional<String> repositoryPath(String id) {
    return client
        .find("/api/v1/repositories/" + RemoteClient.encoded(id))
        .map(repository -> repository.get("path").asString());
  }

  @Override
  public TaskRun checkRepository(String id) {
    return RemoteTask.of(client, client.post(CHECKS, Map.of("repository_id", id)));
  }

  @Override
  public Optional<RepositoryCheckRow> repositoryCheck(String id) {
    return client
        .find(check(id))
        .map(json ->
            new RepositoryCheckRow(
                RemoteTask.row(json),
                new RepositoryId(json.get("repository_id").asString()),
                json.get("restore_points").asInt(),
                json.get("images").asInt(),
                json.get("problems_total").asInt()));
  }

  @Override
  public List<CheckFinding> checkFindings(String id) {
    return client.rows(check(id) + "/findings", "findings", Map.of(), Integer.MAX_VALUE).stream()
        .map(RemoteRepositories::finding)
        .toList();
  }

  private static String check(String id) {
    return CHECKS + "/" + RemoteClient.encoded(id);
  }

  private static CheckFinding finding(JsonNode json) {
    return new CheckFinding(
        CheckFinding.Kind.valueOf(json.get("kind").asString()),
        json.get("subject").asString(),
        json.get("text").asString(),
        json.get("bytes").asLong(),
        RemoteRows.time(json, "modified_at"));
  }

  /** Over REST it would be a way to have a server read any folder. */
  @Override
  public List<OrphanCollection.Found> orphans(Path folder, Duration age, boolean collect) {
    Map<String, Object> request =
        Map.of("path", folder.toString(), "min_age_seconds", age.toSeconds(), "collect", collect);
    List<OrphanCollection.Found> found = new ArrayList<>();
    for (JsonNode one : client.post("/api/v1/orphans", request).get("orphans")) {
      found.add(
          new OrphanCollection.Found(
              new Orphans.Orphan(
                  Path.of(one.get("file").asString()),
                  Optional.empty(),
                  one.get("kind").asString(),
                  one.get("bytes").asLong(),
                  RemoteRows.time(one, "modified_at").orElse(Instant.EPOCH)),
              one.get("collected").asBoolean()));
    }
    return found;
  }
}
