package dev.backstep.api;

import dev.backstep.catalog.TaskQueries;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.OrphanCollection;
import dev.backstep.job.PruneDocument;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.TaskDocument;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Retention: planned, run, and the pins that restrain it. */
@RestController
@RequestMapping("/api/v1")
class PruneController {

  private static final Set<String> FIELDS = Set.of("vm_names", "definitions", "plan");

  private static final Set<String> MERGE_FIELDS =
      Set.of("vm_names", "definitions", "plan", "consolidate");

  private static final Set<String> ORPHAN_FIELDS = Set.of("path", "min_age_seconds", "collect");

  private final PruneJobs jobs;
  private final MergeJobs merges;
  private final OrphanCollection orphans;
  private final TaskQueries tasks;
  private final RequestedBackups requests;

  PruneController(
      PruneJobs jobs,
      MergeJobs merges,
      OrphanCollection orphans,
      TaskQueries tasks,
      RequestedBackups requests) {
    this.jobs = jobs;
    this.merges = merges;
    this.orphans = orphans;
    this.tasks = tasks;
    this.requests = requests;
  }

  @PostMapping("/prunes")
  ResponseEntity<Map<String, @Nullable Object>> prune(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    List<JobDefinition> definitions = requests.definitions(body);
    if (body.flag("plan")) {
      return ResponseEntity.ok(PruneDocument.fields(jobs.plan(definitions)));
    }
    String id = jobs.prune(definitions, subject(body, definitions)).id();
    return accepted(id);
  }

  @PostMapping("/merges")
  ResponseEntity<Map<String, @Nullable Object>> merge(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, MERGE_FIELDS);
    List<JobDefinition> definitions = requests.definitions(body);
    boolean consolidate = body.flag("consolidate");
    if (body.flag("plan")) {
      return ResponseEntity.ok(PruneDocument.fields(merges.plan(definitions, consolidate)));
    }
    return accepted(merges.merge(definitions, consolidate, subject(body, definitions)).id());
  }

  private static String subject(RequestBody body, List<JobDefinition> definitions) {
    return body.texts("vm_names").isEmpty()
        ? "all VMs"
        : definitions.stream().map(JobDefinition::vmName).collect(Collectors.joining(", "));
  }

  private ResponseEntity<Map<String, @Nullable Object>> accepted(String id) {
    return ResponseEntity.status(HttpStatus.ACCEPTED)
        .body(TaskDocument.fields(tasks.find(id).orElseThrow()));
  }

  @PostMapping("/orphans")
  Map<String, @Nullable Object> orphans(HttpServletRequest request) throws IOException {
    RequestBody body = RequestBody.read(request, ORPHAN_FIELDS);
    long seconds = body.number("min_age_seconds").orElse(Duration.ofDays(7).toSeconds());
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put(
        "orphans",
        orphans
            .run(Path.of(body.text("path")), Duration.ofSeconds(seconds), body.flag("collect"))
            .stream()
            .map(OrphanCollection::fields)
            .toList());
    return fields;
  }

  @PostMapping("/backups/{id}/pin")
  Map<String, @Nullable Object> pin(@PathVariable String id) {
    jobs.pin(id);
    return pinned(id, true);
  }

  @PostMapping("/backups/{id}/unpin")
  Map<String, @Nullable Object> unpin(@PathVariable String id) {
    jobs.unpin(id);
    return pinned(id, false);
  }

  private Map<String, @Nullable Object> pinned(String id, boolean pinned) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", requests.find(id).id().value());
    fields.put("pinned", pinned);
    return fields;
  }
}
