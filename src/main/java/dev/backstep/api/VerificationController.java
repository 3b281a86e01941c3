package dev.backstep.api;

import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.domain.BackupId;
import dev.backstep.job.VerifyDocument;
import dev.backstep.job.VerifyJobs;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
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

/** Verifications: started, listed, shown with what they found. They are tasks. */
@RestController
@RequestMapping("/api/v1/verifications")
class VerificationController {

  private static final Set<String> FIELDS = Set.of("backup_id", "all", "structure_only");

  private final VerifyJobs jobs;
  private final VerificationQueries queries;
  private final RequestedBackups requests;

  VerificationController(VerifyJobs jobs, VerificationQueries queries, RequestedBackups requests) {
    this.jobs = jobs;
    this.queries = queries;
    this.requests = requests;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    Optional<String> asked = body.find("backup_id");
    if (asked.isPresent() == body.flag("all")) {
      throw new Problem(
          HttpStatus.BAD_REQUEST, "what to verify? Either 'backup_id' or 'all': true");
    }
    Optional<BackupId> backup = asked.map(id -> requests.find(id).id());
    return accepted(jobs.verify(backup, !body.flag("structure_only")).id());
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "verifications",
        Paging.page(Paging.request(limit, after), queries::page),
        VerifyDocument::fields);
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return VerifyDocument.fields(row(id));
  }

  @GetMapping("/{id}/images")
  Map<String, @Nullable Object> images(
      @PathVariable String id,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    VerificationRow row = row(id);
    return Paging.answer(
        "images",
        Paging.page(Paging.request(limit, after), request -> queries.images(row.id(), request)),
        VerifyDocument::image);
  }

  @GetMapping("/{id}/findings")
  Map<String, @Nullable Object> findings(
      @PathVariable String id,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    VerificationRow row = row(id);
    return Paging.answer(
        "findings",
        Paging.page(Paging.request(limit, after), request -> queries.findings(row.id(), request)),
        VerifyDocument::finding);
  }

  private VerificationRow row(String id) {
    return queries
        .find(id)
        .orElseThrow(() ->
            new Problem(
                HttpStatus.NOT_FOUND,
                "no verification " + id + "; GET /api/v1/verifications lists them"));
  }

  private ResponseEntity<Map<String, @Nullable Object>> accepted(String id) {
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(VerifyDocument.fields(row(id)));
  }
}
