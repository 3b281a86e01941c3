package dev.backstep.api;

import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.RestoreTests;
import dev.backstep.domain.BootSettings;
import dev.backstep.job.RestoreTestDocument;
import dev.backstep.job.RestoreTestJobs;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Restore tests: started, and shown with their verdict. They are tasks. */
@RestController
@RequestMapping("/api/v1/restore-tests")
class RestoreTestController {

  private static final Set<String> FIELDS =
      Set.of(
          "backup_id",
          "machine",
          "memory_mib",
          "cpus",
          "bus",
          "firmware",
          "console",
          "agent",
          "port",
          "limit_seconds");

  private final RestoreTestJobs jobs;
  private final RestoreTests tests;
  private final RequestedBackups requests;

  RestoreTestController(RestoreTestJobs jobs, RestoreTests tests, RequestedBackups requests) {
    this.jobs = jobs;
    this.tests = tests;
    this.requests = requests;
  }

  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> start(HttpServletRequest request)
      throws IOException {
    RequestBody body = RequestBody.read(request, FIELDS);
    BootSettings settings = settings(body);
    String backup = requests.find(body.text("backup_id")).id().value();
    String id = jobs.boot(backup, settings).id();
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(show(id));
  }

  private static BootSettings settings(RequestBody body) {
    try {
      return new BootSettings(
          body.find("machine").orElse(BootSettings.MACHINE),
          body.smallNumber("memory_mib").orElse(BootSettings.MEMORY_MIB),
          body.smallNumber("cpus").orElse(BootSettings.CPUS),
          body.find("bus").orElse(BootSettings.BUS),
          body.find("firmware").orElse(BootSettings.FIRMWARE),
          body.find("console"),
          body.flag("agent"),
          body.smallNumber("port"),
          Duration.ofSeconds(body.number("limit_seconds").orElse(BootSettings.LIMIT.toSeconds())));
    } catch (IllegalArgumentException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
  }

  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    return RestoreTestDocument.fields(row(id));
  }

  private RestoreTestRow row(String id) {
    return tests
        .find(id)
        .orElseThrow(() ->
            new Problem(
                HttpStatus.NOT_FOUND,
                "no restore test " + id + "; GET /api/v1/tasks?kind=test lists them"));
  }
}
