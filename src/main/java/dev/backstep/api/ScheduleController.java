package dev.backstep.api;

import dev.backstep.catalog.Page;
import dev.backstep.schedule.Reload;
import dev.backstep.schedule.Schedule;
import dev.backstep.schedule.Schedules;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Schedules. A VM's name may hold anything, so it stands in a parameter or body, not in a path. */
@RestController
@RequestMapping("/api/v1/schedules")
class ScheduleController {

  private static final Duration DAY = Duration.ofDays(1);
  private static final Duration WEEK = Duration.ofDays(7);

  /** How long a server may take to see a start. */
  private static final Duration GRACE = Duration.ofMinutes(1);

  private final Schedules schedules;
  private final RequestedBackups requests;
  private final Clock clock = Clock.systemUTC();

  ScheduleController(Schedules schedules, RequestedBackups requests) {
    this.schedules = schedules;
    this.requests = requests;
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "vm_name", required = false) @Nullable String vmName,
      @RequestParam(name = "next", defaultValue = "3") int next,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    if (next < 0 || next > 100) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'next' must be 0 to 100");
    }
    Page<Schedule> page =
        vmName == null
            ? schedules.page(next, Paging.request(limit, after))
            : new Page<>(List.of(schedules.schedule(vmName, next)), Optional.empty());
    return Paging.answer("schedules", page, ScheduleDocument::fields);
  }

  /** Newest first. */
  @GetMapping("/fires")
  Map<String, @Nullable Object> fires(
      @RequestParam(name = "vm_name", required = false) @Nullable String vmName,
      @RequestParam(name = "since", required = false) @Nullable String since,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "fires",
        schedules.fires(
            Optional.ofNullable(vmName), since(since, WEEK), Paging.request(limit, after)),
        ScheduleDocument::fire);
  }

  @GetMapping("/missed")
  Map<String, @Nullable Object> missed(
      @RequestParam(name = "since", required = false) @Nullable String since,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "missed",
        schedules.missed(since(since, DAY), GRACE, Paging.request(limit, after)),
        ScheduleDocument::missed);
  }

  private Instant since(@Nullable String text, Duration otherwise) {
    return Paging.time(text).orElseGet(() -> clock.instant().minus(otherwise));
  }

  @PostMapping("/pause")
  Map<String, @Nullable Object> pause(HttpServletRequest request) throws IOException {
    String vmName = vmName(request);
    schedules.pause(vmName);
    return ScheduleDocument.fields(schedules.schedule(vmName, 3));
  }

  @PostMapping("/resume")
  Map<String, @Nullable Object> resume(HttpServletRequest request) throws IOException {
    String vmName = vmName(request);
    schedules.resume(vmName);
    return ScheduleDocument.fields(schedules.schedule(vmName, 3));
  }

  @PostMapping("/run")
  ResponseEntity<Map<String, @Nullable Object>> run(HttpServletRequest request) throws IOException {
    var id =
        schedules.runNow(
            vmName(request),
            Optional.empty(),
            Optional.of(String.valueOf(request.getRemoteUser())));
    return ResponseEntity.status(HttpStatus.ACCEPTED).body(requests.answer(id));
  }

  @PostMapping("/reload")
  Map<String, Object> reload() {
    Reload reload = schedules.reload();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("added", reload.added());
    fields.put("changed", reload.changed());
    fields.put("removed", reload.removed());
    fields.put("unchanged", reload.unchanged());
    fields.put("problems", reload.problems());
    return fields;
  }

  private static String vmName(HttpServletRequest request) throws IOException {
    return RequestBody.read(request, Set.of("vm_name")).text("vm_name");
  }
}
