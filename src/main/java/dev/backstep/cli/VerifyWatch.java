package dev.backstep.cli;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.Verification;
import dev.backstep.job.VerifyDocument;
import dev.backstep.job.VerifyRun;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Follows a verification to its end, showing progress, and prints what was found. */
final class VerifyWatch {

  private static final Duration REDRAW_PERIOD = Duration.ofMillis(250);

  private final Session session;
  private final Engine engine;

  VerifyWatch(Session session, Engine engine) {
    this.session = session;
    this.engine = engine;
  }

  /** Whether an id is that of a verification. */
  static boolean isOne(String id) {
    return id.startsWith("verify-");
  }

  /** Returns the exit code: failed when anything is damaged. */
  int follow(VerifyRun run) throws InterruptedException {
    boolean json = session.options().json();
    if (!json) {
      session.terminal().result(run.id());
    }
    session.stopping().onRequest(() -> stop(run.id()));
    Optional<RunNote> note = RunNote.of(session.options().home(), run.id());
    note.ifPresent(RunNote::write);
    ProgressView view = new ProgressView(session.terminal(), session.clock());
    try {
      while (!run.await(REDRAW_PERIOD)) {
        if (!json) {
          view.showTotal("images", run.state().bytesChecked(), run.state().bytesTotal());
        }
      }
    } finally {
      note.ifPresent(RunNote::remove);
    }
    view.clear();
    return end(run.id());
  }

  private void stop(String id) {
    session.terminal().error("stopping at the next part ...");
    try {
      engine.stopVerify(id);
    } catch (OperatorException e) {
      session.terminal().error(e.getMessage());
    }
  }

  /** Prints what was checked and found so far. */
  VerificationRow print(String id) {
    Verification verification =
        engine
            .verification(id)
            .orElseThrow(() -> OperatorException.notFound(id + ": no such verification"));
    if (session.options().json()) {
      session.terminal().result(BackupDocument.text(VerifyDocument.fields(verification)));
    } else {
      print(verification);
    }
    return verification.row();
  }

  private int end(String id) {
    VerificationRow row = print(id);
    if (row.status() == Status.COMPLETED) {
      return row.damaged() == 0 ? 0 : Kind.FAILED.exitCode();
    }
    boolean stopped = row.status() == Status.STOPPED;
    session
        .terminal()
        .error(
            id
                + (stopped ? " was stopped" : " failed: " + row.error().orElse("the log says why"))
                + "; `backstep relaunch "
                + id
                + "` goes on where it stopped");
    return (stopped ? Kind.STOPPED : Kind.FAILED).exitCode();
  }

  private void print(Verification verification) {
    for (FindingRow finding : verification.findings()) {
      VerifiedImage image = verification.image(finding);
      session
          .terminal()
          .result(
              "DAMAGED  "
                  + BackupText.printable(image.vmName())
                  + " disk "
                  + image.diskId()
                  + "  "
                  + image.backup()
                  + "  "
                  + VerifyDocument.path(image)
                  + finding.range().map(VerifyWatch::place).orElse("")
                  + ": "
                  + finding.found()
                  + ", expected "
                  + finding.expected());
    }
    VerificationRow row = verification.row();
    session
        .terminal()
        .result(
            row.checked()
                + " of "
                + row.images()
                + " images checked, "
                + Sizes.bytes(row.bytesChecked())
                + " of data compared: "
                + (row.damaged() == 0 ? "no damage found" : row.damaged() + " damaged"));
    long uncompared = uncompared(verification.images(), row);
    if (uncompared > 0) {
      session
          .terminal()
          .error(uncompared + " images have no checksums: only their structure could be checked");
    }
  }

  private static long uncompared(List<VerifiedImage> images, VerificationRow row) {
    return row.whole()
        ? images.stream()
            .filter(i -> i.result() == ImageResult.CLEAN && i.bytesChecked() == 0)
            .count()
        : 0;
  }

  private static String place(ByteRange range) {
    return " at byte " + range.offset() + ", " + range.length() + " bytes";
  }
}
