package dev.backstep.api;

import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.catalog.RepositoryChecks;
import dev.backstep.job.RepositoryCheckDocument;
import dev.backstep.job.RepositoryCheckJobs;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.Map;
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

/** Checks of whole repositories: started, shown with what they found. They are tasks. */
@RestController
@RequestMapping("/api/v1/repository-checks")
class RepositoryCheckController {

  private static final Set<String> FIELDS = Set.of("repository_id");

  private final RepositoryCheckJobs jobs;
  private final RepositoryChecks checks;

  RepositoryCheckController(RepositoryCheckJobs jobs, RepositoryChecks checks) {
    this.jobs = jobs;
    this.checks = checks;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    String repository = RequestBody.read(request, FIELDS).text("repository_id");
    String id = jobs.check(repository).id();
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(RepositoryCheckDocument.fields(row(id)));
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return RepositoryCheckDocument.fields(row(id));
  }

  @GetMapping("/{id}/findings")
  Map<String, @Nullable Object> findings(
      @PathVariable String id,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    String check = row(id).task().id();
    return Paging.answer(
        "findings",
        Paging.page(Paging.request(limit, after), request -> checks.findings(check, request)),
        row -> RepositoryCheckDocument.fields(row.finding()));
  }

  private RepositoryCheckRow row(String id) {
    return checks
        .find(id)
        .orElseThrow(() ->
            new Problem(
                HttpStatus.NOT_FOUND,
                "no check of a repository " + id + "; GET /api/v1/tasks?kind=check lists them"));
  }
}
