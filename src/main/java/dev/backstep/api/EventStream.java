package dev.backstep.api;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.LiveProgress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;
import org.springframework.http.MediaType;
import org.springframework.transaction.TransactionException;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Follows one backup for one client, in a thread of its own: one that is slow delays no other. */
final class EventStream {

  private static final Logger log = LoggerFactory.getLogger(EventStream.class);

  private static final MediaType TEXT = new MediaType("text", "plain", StandardCharsets.UTF_8);

  /** So that a token that was revoked does not see for ever. */
  private static final Duration LIFE_MAX = Duration.ofHours(1);

  private static final long RECONNECT_MILLIS = 3000;

  private final BackupId backup;
  private final SseEmitter emitter;
  private final BackupQueries queries;
  private final LiveProgress progress;
  private final EventSettings settings;
  private final CountDownLatch closing;
  private final ProgressDocument document = new ProgressDocument();
  private final long beganNanos = System.nanoTime();
  private long lastSentNanos = beganNanos;
  private String lastSent = "";
  private volatile boolean gone;

  /**
   * @param closing counted down when the server ends
   */
  EventStream(
      BackupId backup,
      SseEmitter emitter,
      BackupQueries queries,
      LiveProgress progress,
      EventSettings settings,
      CountDownLatch closing) {
    this.backup = backup;
    this.emitter = emitter;
    this.queries = queries;
    this.progress = progress;
    this.settings = settings;
    this.closing = closing;
    emitter.onCompletion(() -> gone = true);
    emitter.onTimeout(() -> gone = true);
    emitter.onError(e -> gone = true);
  }

  /** Returns when the backup has ended, the client has gone, or the server ends. */
  void run() {
    try {
      emitter.send(SseEmitter.event().reconnectTime(RECONNECT_MILLIS));
      boolean more = true;
      while (more && !gone && System.nanoTime() - beganNanos < LIFE_MAX.toNanos()) {
        more = look() && !closing.await(settings.eventInterval().toMillis(), TimeUnit.MILLISECONDS);
      }
      emitter.complete();
    } catch (IOException | IllegalStateException e) {
      log.debug("{}: a client that followed it has gone: {}", backup, e.getMessage());
    } catch (InterruptedException e) {
      emitter.complete(); // nobody does that; this thread ends here
    }
  }

  /** Whether there is more to come. */
  private boolean look() throws IOException {
    long now = System.nanoTime();
    try {
      BackupRow row = queries.backup(backup);
      String text = document.next(row, progress.of(row), now);
      if (!text.equals(lastSent)) {
        send("progress", text, now);
        lastSent = text;
      }
      if (row.status() != Status.QUEUED && row.status() != Status.RUNNING) {
        send("end", ProgressDocument.line(BackupDocument.fields(row)), now);
        return false;
      }
    } catch (DataAccessException | TransactionException e) {
      log.debug("{}: the database does not answer, looking again: {}", backup, e.getMessage());
    }
    if (now - lastSentNanos >= settings.eventHeartbeat().toNanos()) {
      emitter.send(SseEmitter.event().comment("still here"));
      lastSentNanos = now;
    }
    return true;
  }

  private void send(String name, String text, long now) throws IOException {
    emitter.send(SseEmitter.event().name(name).data(text, TEXT));
    lastSentNanos = now;
  }
}
