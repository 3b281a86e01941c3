package dev.backstep.api;

import dev.backstep.catalog.TaskQueries;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.TaskDocument;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Copies of restore points to other repositories that this server can reach. They are tasks. */
@RestController
@RequestMapping("/api/v1/copies")
class CopyController {

  private static final Set<String> FIELDS =
      Set.of("source", "target", "vm_names", "backup_ids", "last");

  private final CopyJobs jobs;
  private final TaskQueries tasks;

  CopyController(CopyJobs jobs, TaskQueries tasks) {
    this.jobs = jobs;
    this.tasks = tasks;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    String id =
        jobs.copy(
                new CopyRequest(
                    folder(body, "source"),
                    folder(body, "target"),
                    body.texts("vm_names"),
                    body.smallNumber("last"),
                    body.texts("backup_ids")))
            .id();
    return ResponseEntity.status(HttpStatus.ACCEPTED)
        .body(TaskDocument.fields(tasks.find(id).orElseThrow()));
  }

  private static Path folder(RequestBody body, String field) {
    String text = body.text(field);
    try {
      Path path = Path.of(text);
      if (path.isAbsolute()) {
        return path.normalize();
      }
    } catch (InvalidPathException e) {
      // As good as one that is not absolute.
    }
    throw new Problem(
        HttpStatus.BAD_REQUEST, "'" + field + "' is '" + text + "'; expected an absolute path");
  }
}
