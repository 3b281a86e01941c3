package dev.backstep.api;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.domain.BackupId;
import dev.backstep.job.LiveProgress;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Backups as they go, as server-sent events; so many at once as the settings allow. */
@RestController
@RequestMapping("/api/v1/backups")
@EnableConfigurationProperties(EventSettings.class)
class EventController {

  private static final long NO_TIMEOUT = 0;
  private static final String RETRY_SECONDS = "10";

  private final RequestedBackups requests;
  private final BackupQueries queries;
  private final LiveProgress progress;
  private final EventSettings settings;
  private final CountDownLatch closing = new CountDownLatch(1);

  /** Open streams by their caller; guarded by itself. */
  private final Map<String, Integer> open = new HashMap<>();

  EventController(
      RequestedBackups requests,
      BackupQueries queries,
      LiveProgress progress,
      EventSettings settings) {
    this.requests = requests;
    this.queries = queries;
    this.progress = progress;
    this.settings = settings;
  }

  @GetMapping(path = "/{id}/events", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
  SseEmitter events(
      @PathVariable String id, HttpServletRequest request, HttpServletResponse response) {
    BackupId backup = requests.find(id).id();
    String caller = String.valueOf(request.getRemoteUser());
    if (!enter(caller)) {
      response.setHeader(HttpHeaders.RETRY_AFTER, RETRY_SECONDS);
      throw new Problem(
          HttpStatus.TOO_MANY_REQUESTS,
          "too many streams are open: "
              + settings.eventStreams()
              + " in all and half of them per token are allowed"
              + " (backstep.server.event-streams); close one, or ask for the backup itself now and"
              + " then");
    }
    response.setHeader("X-Accel-Buffering", "no"); // else a proxy may hold events back
    SseEmitter emitter = new SseEmitter(NO_TIMEOUT);
    EventStream stream = new EventStream(backup, emitter, queries, progress, settings, closing);
    Thread.ofVirtual()
        .name("events-" + backup)
        .start(() -> {
          try {
            stream.run();
          } finally {
            leave(caller);
          }
        });
    return emitter;
  }

  private boolean enter(String caller) {
    synchronized (open) {
      int all = open.values().stream().mapToInt(Integer::intValue).sum();
      int own = open.getOrDefault(caller, 0);
      if (all >= settings.eventStreams() || own >= settings.eventStreams() / 2) {
        return false;
      }
      open.put(caller, own + 1);
      return true;
    }
  }

  private void leave(String caller) {
    synchronized (open) {
      open.computeIfPresent(caller, (name, count) -> count > 1 ? count - 1 : null);
    }
  }

  /** Before the web server waits for its requests to end. */
  @EventListener(ContextClosedEvent.class)
  void close() {
    closing.countDown();
  }
}
