package dev.backstep.api;

import dev.backstep.backup.DiskTarget;
import dev.backstep.catalog.Restores;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.RestoreDocument;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.RestoreRequest;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Restores to files, devices and exports that this server can reach. They are tasks. */
@RestController
@RequestMapping("/api/v1/restores")
class RestoreController {

  private static final Set<String> FIELDS =
      Set.of("backup_id", "disks", "differential", "held_id", "onto_vm");
  private static final Set<String> DISK_FIELDS = Set.of("disk_id", "kind", "target");

  private final RestoreJobs jobs;
  private final TaskQueries tasks;
  private final Restores restores;

  RestoreController(RestoreJobs jobs, TaskQueries tasks, Restores restores) {
    this.jobs = jobs;
    this.tasks = tasks;
    this.restores = restores;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    Map<Integer, DiskTarget> targets = new TreeMap<>();
    for (RequestBody disk : body.objects("disks", DISK_FIELDS)) {
      int number =
          disk.smallNumber("disk_id")
              .orElseThrow(
                  () -> new Problem(HttpStatus.BAD_REQUEST, "a disk without its 'disk_id'"));
      if (targets.put(number, target(disk)) != null) {
        throw new Problem(HttpStatus.BAD_REQUEST, "disk " + number + " has two targets");
      }
    }
    if (targets.isEmpty()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'disks' says which disk goes where; it is empty");
    }
    String id =
        jobs.restore(
                new RestoreRequest(
                    body.text("backup_id"),
                    targets,
                    body.flag("differential"),
                    body.find("held_id"),
                    body.find("onto_vm")))
            .id();
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(fields(id));
  }

  private static DiskTarget target(RequestBody disk) {
    String word = disk.text("kind");
    DiskTarget.Kind kind =
        Arrays.stream(DiskTarget.Kind.values())
            .filter(one -> one.word().equals(word))
            .findFirst()
            .orElseThrow(() ->
                new Problem(
                    HttpStatus.BAD_REQUEST,
                    "'kind' is '" + word + "'; expected one of raw, qcow2, existing, nbd"));
    String place = disk.text("target");
    if (kind != DiskTarget.Kind.NBD && !isAbsolute(place)) {
      throw new Problem(
          HttpStatus.BAD_REQUEST, "'target' is '" + place + "'; expected an absolute path");
    }
    return new DiskTarget(kind, place);
  }

  private static boolean isAbsolute(String place) {
    try {
      return Path.of(place).isAbsolute() && Path.of(place).normalize().equals(Path.of(place));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return fields(id);
  }

  private Map<String, @Nullable Object> fields(String id) {
    TaskRow row =
        tasks
            .find(id)
            .filter(task -> task.kind() == TaskKind.RESTORE)
            .orElseThrow(() ->
                new Problem(
                    HttpStatus.NOT_FOUND,
                    "no restore " + id + "; GET /api/v1/tasks?kind=restore lists them"));
    return RestoreDocument.fields(row, List.copyOf(restores.disks(id)), restores.supersededBy(id));
  }
}
