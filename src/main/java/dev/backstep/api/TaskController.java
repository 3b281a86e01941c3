package dev.backstep.api;

import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.TaskDocument;
import dev.backstep.job.TaskJobs;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Tasks, whatever they do: listed, shown, stopped, gone on with. */
@RestController
@RequestMapping("/api/v1/tasks")
class TaskController {

  private final TaskJobs jobs;
  private final TaskQueries queries;

  TaskController(TaskJobs jobs, TaskQueries queries) {
    this.jobs = jobs;
    this.queries = queries;
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "kind", required = false) @Nullable String kind,
      @RequestParam(name = "status", required = false) @Nullable String status,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    Optional<TaskKind> of = Optional.ofNullable(kind).map(TaskController::kind);
    Optional<Status> as = Optional.ofNullable(status).map(TaskController::status);
    return Paging.answer(
        "tasks",
        Paging.page(Paging.request(limit, after), request -> queries.page(of, as, request)),
        TaskDocument::fields);
  }

  private static TaskKind kind(String word) {
    return TaskKind.ofWord(word)
        .orElseThrow(
            () -> notOneOf("kind", word, Arrays.stream(TaskKind.values()).map(TaskKind::word)));
  }

  private static Status status(String word) {
    return Status.ofTask(word)
        .orElseThrow(() -> notOneOf("status", word, Status.OF_TASKS.stream().map(Status::name)));
  }

  private static Problem notOneOf(String field, String word, Stream<String> accepted) {
    return new Problem(
        HttpStatus.BAD_REQUEST,
        "'"
            + field
            + "' is '"
            + word
            + "', expected one of "
            + accepted.collect(Collectors.joining(", ")));
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return TaskDocument.fields(task(id));
  }

  @PostMapping("/{id}/stop")
  ResponseEntity<Map<String, @Nullable Object>> stop(@PathVariable String id) {
    jobs.stop(id);
    return accepted(id);
  }

  @PostMapping("/{id}/relaunch")
  ResponseEntity<Map<String, @Nullable Object>> relaunch(@PathVariable String id) {
    jobs.relaunch(id);
    return accepted(id);
  }

  private JudgedTask task(String id) {
    return queries
        .judged(id)
        .orElseThrow(() ->
            new Problem(HttpStatus.NOT_FOUND, "no task " + id + "; GET /api/v1/tasks lists them"));
  }

  private ResponseEntity<Map<String, @Nullable Object>> accepted(String id) {
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(TaskDocument.fields(task(id)));
  }
}
