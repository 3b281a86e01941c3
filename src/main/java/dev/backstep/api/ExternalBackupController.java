package dev.backstep.api;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** What movers say of the backups that they copy. */
@RestController
@RequestMapping("/api/v1/backups")
class ExternalBackupController {

  private final MoverRequests movers;

  ExternalBackupController(MoverRequests movers) {
    this.movers = movers;
  }

  @PostMapping("/{id}/complete")
  Map<String, @Nullable Object> complete(@PathVariable String id, HttpServletRequest request)
      throws IOException {
    return movers.complete(id, RequestBody.read(request, MoverRequests.COMPLETION_FIELDS));
  }

  @PostMapping("/{id}/keep-alive")
  Map<String, @Nullable Object> keepAlive(@PathVariable String id) {
    return movers.keepAlive(id);
  }
}
