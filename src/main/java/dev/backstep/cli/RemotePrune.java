package dev.backstep.cli;

import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.job.MergeWork;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.PrunePlan.Action;
import dev.backstep.job.definition.JobDefinitions;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Retention as a server is asked for it and tells it. */
final class RemotePrune {

  static final String PATH = "/api/v1/prunes";
  static final String MERGES = "/api/v1/merges";
  static final String PLANS = "/api/v1/plans";

  private RemotePrune() {}

  /** The definitions go along, so that a server with others refuses. */
  static Map<String, Object> request(List<JobDefinition> definitions, boolean plan) {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("vm_names", definitions.stream().map(JobDefinition::vmName).toList());
    request.put("definitions", definitions.stream().map(JobDefinitions::write).toList());
    request.put("plan", plan);
    return request;
  }

  static String planPath(String id) {
    return PLANS + "/" + RemoteClient.encoded(id);
  }

  /** As {@link dev.backstep.job.PlanDocument} writes it. */
  static PlanRow row(JsonNode json) {
    List<BackupId> drops = new ArrayList<>();
    json.get("drops").forEach(id -> drops.add(new BackupId(id.asString())));
    return new PlanRow(
        json.get("plan_id").asString(),
        json.get("subject").asString(),
        PlanRow.Status.valueOf(json.get("status").asString()),
        List.of(),
        drops,
        json.get("bytes_freed").asLong(),
        RemoteRows.time(json, "created_at").orElse(Instant.EPOCH),
        json.get("created_by").asString(),
        RemoteRows.time(json, "approved_at"),
        RemoteRows.text(json, "approved_by"),
        RemoteRows.text(json, "task_id"),
        json.get("note").asString());
  }

  /** As {@link #request}. */
  static Map<String, Object> mergeRequest(
      List<JobDefinition> definitions, boolean consolidate, boolean plan) {
    Map<String, Object> request = request(definitions, plan);
    request.put("consolidate", consolidate);
    return request;
  }

  /** As {@link dev.backstep.job.PruneDocument} writes it. */
  static MergeWork work(JsonNode json) {
    List<BackupId> going = new ArrayList<>();
    json.get("going").forEach(id -> going.add(new BackupId(id.asString())));
    List<DiskBackupId> roots = new ArrayList<>();
    json.get("roots").forEach(id -> roots.add(new DiskBackupId(id.asString())));
    return new MergeWork(going, roots);
  }

  /** As {@link dev.backstep.job.PruneDocument} writes it. */
  static PrunePlan plan(JsonNode json) {
    List<PrunePlan.Machine> machines = new ArrayList<>();
    for (JsonNode vm : json.get("vms")) {
      List<PrunePlan.Point> points = new ArrayList<>();
      for (JsonNode point : vm.get("restore_points")) {
        List<String> reasons = new ArrayList<>();
        point.get("reasons").forEach(reason -> reasons.add(reason.asString()));
        points.add(
            new PrunePlan.Point(
                new BackupId(point.get("backup_id").asString()),
                RemoteRows.time(point, "taken_at").orElse(Instant.EPOCH),
                Action.valueOf(point.get("action").asString().toUpperCase(Locale.ROOT)),
                reasons,
                point.get("bytes").asLong()));
      }
      machines.add(
          new PrunePlan.Machine(
              vm.get("vm_name").asString(),
              vm.get("repository").asString(),
              retention(vm.get("retention")),
              ZoneId.of(vm.get("zone").asString()),
              points));
    }
    return new PrunePlan(machines);
  }

  private static RetentionDefinition retention(JsonNode json) {
    return new RetentionDefinition(
        json.get("last").asInt(),
        json.get("hourly").asInt(),
        json.get("daily").asInt(),
        json.get("weekly").asInt(),
        json.get("monthly").asInt(),
        json.get("yearly").asInt(),
        Duration.ofSeconds(json.get("min_age_seconds").asLong()));
  }
}
