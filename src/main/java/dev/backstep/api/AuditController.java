package dev.backstep.api;

import dev.backstep.catalog.AuditTrail;
import dev.backstep.job.BackupDocument;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Who changed what, newest first. */
@RestController
@RequestMapping("/api/v1/audit")
class AuditController {

  private final AuditTrail audit;

  AuditController(AuditTrail audit) {
    this.audit = audit;
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "since", required = false) @Nullable String since,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    Instant from = Paging.time(since).orElse(Instant.EPOCH);
    return Paging.answer(
        "audit",
        Paging.page(Paging.request(limit, after), request -> audit.page(from, request)),
        AuditController::fields);
  }

  private static Map<String, @Nullable Object> fields(AuditTrail.Entry entry) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("number", entry.number());
    fields.put("at", BackupDocument.time(entry.at()));
    fields.put("who", entry.who());
    fields.put("remote_address", entry.remoteAddress());
    fields.put("action", entry.action());
    fields.put("result", entry.result().isPresent() ? entry.result().getAsInt() : null);
    return fields;
  }
}
