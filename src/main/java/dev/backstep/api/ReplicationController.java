package dev.backstep.api;

import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.VmPath;
import dev.backstep.job.ReplicationDocument;
import dev.backstep.job.ReplicationJobs;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/**
 * Replications: started, listed, shown, and what other programs that replicate tell and ask. Their
 * change ids are never those of backups.
 */
@RestController
@RequestMapping("/api/v1/replications")
class ReplicationController {

  /** The accepted fields of a request for a run. */
  static final Set<String> FIELDS =
      Set.of(
          "vm_name",
          "level",
          "verify",
          "repository_id",
          "definition",
          "mover",
          "vm_path",
          "job_id",
          "disks");

  static final Set<String> CHANGE_ID_FIELDS =
      Set.of("disk_id", "change_id", "previous_change_id", "vm_path");

  private final ReplicationJobs jobs;
  private final ReplicationQueries queries;
  private final RequestedBackups requests;

  ReplicationController(
      ReplicationJobs jobs, ReplicationQueries queries, RequestedBackups requests) {
    this.jobs = jobs;
    this.queries = queries;
    this.requests = requests;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    Optional<String> mover = body.find("mover");
    String id =
        switch (mover.orElse("internal")) {
          case "internal" -> startOwn(body);
          case "external" -> startMoved(body);
          default ->
              throw new Problem(
                  HttpStatus.BAD_REQUEST,
                  "'mover' is '" + mover.orElse("") + "', accepted: internal, external");
        };
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(fields(id));
  }

  private String startOwn(RequestBody body) {
    refuse(body, "internal", "vm_path", "job_id", "disks");
    JobDefinition definition = requests.definition(body);
    return jobs.replicate(definition, level(body), body.flag("verify")).id();
  }

  private static RequestedLevel level(RequestBody body) {
    String level = body.find("level").orElse("auto");
    return switch (level) {
      case "auto" -> RequestedLevel.AUTO;
      case "full" -> RequestedLevel.FULL;
      default ->
          throw new Problem(
              HttpStatus.BAD_REQUEST, "'level' is '" + level + "', accepted: auto, full");
    };
  }

  private String startMoved(RequestBody body) {
    refuse(body, "external", "vm_name", "level", "verify", "repository_id", "definition");
    List<DiskKey> disks =
        body.texts("disks").stream().map(text -> diskKey("disks", text)).distinct().toList();
    if (disks.isEmpty()) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'disks' names those that the job is going to complete, such as disk-2000; it is empty");
    }
    Optional<String> job = body.find("job_id");
    job.ifPresent(ReplicationController::requireJobId);
    return jobs.beginMoved(vmPath(body.text("vm_path")), job, disks);
  }

  private static void refuse(RequestBody body, String mover, String... fields) {
    for (String field : fields) {
      if (body.has(field)) {
        throw new Problem(
            HttpStatus.BAD_REQUEST, "'" + field + "' does not go with mover " + mover);
      }
    }
  }

  private static void requireJobId(String id) {
    if (!id.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,119}") || id.startsWith("replicate-")) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'job_id' is '"
              + id
              + "', expected 1 to 120 letters, digits, '.', '-' or '_', not beginning with"
              + " 'replicate-': those are ours");
    }
  }

  private static String vmPath(String text) {
    boolean control = text.codePoints().anyMatch(Character::isISOControl);
    if (text.isBlank() || text.length() > VmPath.LENGTH_MAX || control) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'vm_path' must be 1 to " + VmPath.LENGTH_MAX + " characters, none of them a control");
    }
    return text;
  }

  /** A disk as the API names it: its key behind a word. */
  private static DiskKey diskKey(String field, String text) {
    String prefix = ReplicationDocument.DISK_PREFIX;
    boolean control = text.codePoints().anyMatch(Character::isISOControl);
    if (!text.startsWith(prefix)
        || text.length() == prefix.length()
        || text.length() > 200 + prefix.length()
        || control) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'" + field + "' has '" + text + "', expected disk-<key> such as disk-2000");
    }
    return new DiskKey(text.substring(prefix.length()));
  }

  /** Newest first, page by page. */
  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "vm_path", required = false) @Nullable String vmPath,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "replications",
        Paging.page(
            Paging.request(limit, after),
            request -> queries.page(Optional.ofNullable(vmPath), request)),
        ReplicationDocument::fields);
  }

  @GetMapping("/targets")
  Map<String, @Nullable Object> targets(
      @RequestParam(name = "vm_path", required = false) @Nullable String vmPath,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "targets",
        Paging.page(
            Paging.request(limit, after),
            request -> queries.replicas(Optional.ofNullable(vmPath), request)),
        ReplicationDocument::fields);
  }

  /** What the next run of a replication asks the source about. */
  @GetMapping("/changeid")
  Map<String, @Nullable Object> changeId(
      @RequestParam(name = "vm_path", defaultValue = "") String vmPath,
      @RequestParam(name = "disk_id", defaultValue = "") String diskId) {
    if (vmPath.isBlank()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'vm_path' is missing");
    }
    if (diskId.isBlank()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'disk_id' is missing");
    }
    DiskKey key = diskKey("disk_id", diskId);
    Optional<ReplicaDisk> replica = queries.replica(vmPath(vmPath), key);
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_path", vmPath);
    fields.put("disk_id", ReplicationDocument.diskId(key));
    fields.put("change_id", replica.flatMap(ReplicaDisk::changeId).map(ChangeId::value).orElse(""));
    fields.put("job_id", replica.flatMap(ReplicaDisk::run).orElse(""));
    fields.put("message", message(replica));
    return fields;
  }

  private static String message(Optional<ReplicaDisk> replica) {
    if (replica.flatMap(ReplicaDisk::takenAt).isEmpty()) {
      return "No previous replication found";
    }
    boolean whole = replica.get().state() == ReplicaState.WHOLE;
    if (replica.get().changeId().isEmpty()) {
      return whole
          ? "The target has no change id: its source tracked no changes"
          : "A copy of the whole disk to the target is not at its end";
    }
    return whole
        ? "Change id of the moment that the disk's target holds"
        : "Change id that the next run asks about; the target is being written";
  }

  /** A program outside this one has brought a disk's target to the moment of a change id. */
  @PostMapping("/{id}/changeid")
  Map<String, @Nullable Object> complete(@PathVariable String id, HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, CHANGE_ID_FIELDS);
    DiskKey key = diskKey("disk_id", body.text("disk_id"));
    ChangeId changeId = changeIdOf("change_id", body.text("change_id"));
    Optional<ChangeId> previous =
        body.find("previous_change_id").map(text -> changeIdOf("previous_change_id", text));
    Optional<String> vmPath = body.find("vm_path");
    if (vmPath.isPresent() && !vmPath.get().equals(find(id).vmPath())) {
      throw new Problem(
          HttpStatus.CONFLICT,
          "job " + id + " is of '" + find(id).vmPath() + "', not of '" + vmPath.get() + "'");
    }
    jobs.completeMoved(id, key, changeId, previous);
    return fields(id);
  }

  private static ChangeId changeIdOf(String field, String text) {
    try {
      return new ChangeId(text);
    } catch (IllegalArgumentException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'" + field + "': " + e.getMessage());
    }
  }

  @PostMapping("/{id}/abandon")
  Map<String, @Nullable Object> abandon(@PathVariable String id) {
    jobs.abandonMoved(id);
    return fields(id);
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return fields(id);
  }

  private Map<String, @Nullable Object> fields(String id) {
    return ReplicationDocument.fields(find(id));
  }

  private ReplicationRun find(String id) {
    return queries
        .run(id)
        .orElseThrow(() ->
            new Problem(
                HttpStatus.NOT_FOUND,
                "no job " + id + "; GET /api/v1/replications lists the jobs"));
  }
}
