package dev.backstep.api;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Ledgers;
import dev.backstep.catalog.Page;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.RestorePointRemoval;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Backups: started, listed, shown, stopped, gone on with. */
@RestController
@RequestMapping("/api/v1/backups")
class BackupController {

  private final RequestedBackups requests;
  private final MoverRequests movers;
  private final BackupJobs jobs;
  private final BackupQueries queries;
  private final RestorePointRemoval removal;
  private final Ledgers ledgers;

  BackupController(
      RequestedBackups requests,
      MoverRequests movers,
      BackupJobs jobs,
      BackupQueries queries,
      RestorePointRemoval removal,
      Ledgers ledgers) {
    this.requests = requests;
    this.movers = movers;
    this.jobs = jobs;
    this.queries = queries;
    this.removal = removal;
    this.ledgers = ledgers;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, RequestedBackups.FIELDS);
    Map<String, @Nullable Object> answer =
        MoverRequests.isOfMover(body)
            ? movers.start(body, caller(request))
            : requests.answer(requests.start(body, caller(request)));
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(answer);
  }

  private static String caller(HttpServletRequest request) {
    return String.valueOf(request.getRemoteUser());
  }

  /**
   * Newest first, page by page.
   *
   * @param after the {@code next} of the page before
   */
  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "vm_name", required = false) @Nullable String vmName,
      @RequestParam(name = "limit", defaultValue = "50") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "backups",
        Paging.page(
            Paging.request(limit, after),
            request -> proven(queries.page(Optional.ofNullable(vmName), request))),
        BackupDocument::fields);
  }

  private Page<BackupRow> proven(Page<BackupRow> page) {
    return new Page<>(ledgers.in(page.items()), page.next());
  }

  @GetMapping("/changeid")
  Map<String, @Nullable Object> changeId(
      @RequestParam(name = "vm_name", defaultValue = "") String vmName,
      @RequestParam(name = "disk_id", defaultValue = "0") String diskId) {
    if (vmName.isBlank()) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'vm_name' is missing");
    }
    return requests.changeId(vmName, DiskIds.parse(diskId));
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return BackupDocument.fields(ledgers.in(requests.find(id)));
  }

  @PostMapping("/{id}/stop")
  ResponseEntity<Map<String, @Nullable Object>> stop(@PathVariable String id) {
    jobs.stop(id);
    return accepted(id);
  }

  @PostMapping("/{id}/relaunch")
  ResponseEntity<Map<String, @Nullable Object>> relaunch(
      @PathVariable String id, HttpServletRequest request) {
    jobs.requeue(id, caller(request));
    return accepted(id);
  }

  @PostMapping("/{id}/abandon")
  ResponseEntity<Map<String, @Nullable Object>> abandon(@PathVariable String id) {
    jobs.abandon(id);
    return accepted(id);
  }

  @PostMapping("/{id}/recover")
  ResponseEntity<Map<String, @Nullable Object>> recover(
      @PathVariable String id,
      @RequestParam(name = "force", defaultValue = "false") boolean force) {
    jobs.recover(id, force);
    return accepted(id);
  }

  @DeleteMapping("/{id}")
  Map<String, @Nullable Object> delete(@PathVariable String id) {
    removal.delete(id);
    return BackupDocument.fields(requests.find(id));
  }

  private ResponseEntity<Map<String, @Nullable Object>> accepted(String id) {
    return ResponseEntity.status(HttpStatus.ACCEPTED)
        .body(BackupDocument.fields(requests.find(id)));
  }
}
