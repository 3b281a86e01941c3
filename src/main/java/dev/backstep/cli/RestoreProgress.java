package dev.backstep.cli;

import dev.backstep.backup.Restore;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Shows a restore's progress, one disk at a time, and ends it when the operator wishes so. */
final class RestoreProgress implements Restore.Progress {

  private static final Duration REDRAW_PERIOD = Duration.ofMillis(250);

  private final Session session;
  private final boolean silent;
  private final Map<Integer, String> diskKeys;
  private final ProgressView view;
  private Instant shown = Instant.MIN;

  RestoreProgress(Session session, boolean silent, Map<Integer, String> diskKeys) {
    this.session = session;
    this.silent = silent;
    this.diskKeys = diskKeys;
    this.view = new ProgressView(session.terminal(), session.clock());
  }

  @Override
  public void disk(int diskId, long bytesDone, long bytesTotal) {
    if (session.stopping().isRequested()) {
      // Unwinds through the restore, which removes what is not complete.
      throw OperatorException.stopped("the restore was stopped; complete files stay, no other");
    }
    Instant now = session.clock().instant();
    boolean due = shown.equals(Instant.MIN) || !now.isBefore(shown.plus(REDRAW_PERIOD));
    if (!silent && (due || bytesDone == bytesTotal)) {
      shown = now;
      Status status = bytesDone == bytesTotal ? Status.COMPLETED : Status.RUNNING;
      String key = diskKeys.getOrDefault(diskId, "");
      view.showLines(
          List.of(
              new ProgressView.Line(diskId, key, "restore", "", status, bytesDone, bytesTotal)));
    }
  }

  void clear() {
    view.clear();
  }
}
