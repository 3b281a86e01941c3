package dev.backstep.api;

import dev.backstep.catalog.TaskQueries;
import dev.backstep.job.PlanDocument;
import dev.backstep.job.PlanJobs;
import dev.backstep.job.TaskDocument;
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

/** Stored plans of retention: made by one user, approved by another, run. */
@RestController
@RequestMapping("/api/v1/plans")
class PlanController {

  private static final Set<String> FIELDS = Set.of("vm_names", "definitions");

  private final PlanJobs plans;
  private final TaskQueries tasks;
  private final RequestedBackups requests;

  PlanController(PlanJobs plans, TaskQueries tasks, RequestedBackups requests) {
    this.plans = plans;
    this.tasks = tasks;
    this.requests = requests;
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "plans", Paging.page(Paging.request(limit, after), plans::page), PlanDocument::fields);
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> store(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    return ResponseEntity.status(HttpStatus.CREATED)
        .body(PlanDocument.fields(plans.store(requests.definitions(body), who(request))));
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return PlanDocument.fields(plans.find(id));
  }

  @PostMapping("/{id}/approve")
  Map<String, @Nullable Object> approve(@PathVariable String id, HttpServletRequest request) {
    return PlanDocument.fields(plans.approve(id, who(request)));
  }

  @PostMapping("/{id}/run")
  ResponseEntity<Map<String, @Nullable Object>> run(@PathVariable String id) {
    String task = plans.run(id).id();
    return ResponseEntity.status(HttpStatus.ACCEPTED)
        .body(TaskDocument.fields(tasks.find(task).orElseThrow()));
  }

  private static String who(HttpServletRequest request) {
    return String.valueOf(request.getRemoteUser());
  }
}
