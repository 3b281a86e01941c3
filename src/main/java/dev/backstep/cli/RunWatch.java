package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import java.time.Duration;
import java.util.Optional;

/** Follows a backup to its end, showing progress, and prints what it became. */
final class RunWatch {

  private static final Duration REDRAW_PERIOD = Duration.ofMillis(250);

  private final Session session;
  private final CommandOptions options;
  private final Engine engine;
  private Optional<String> told = Optional.empty();

  /** Then there is nothing to stop, while the command may go on with other VMs. */
  private volatile boolean over;

  RunWatch(Session session, CommandOptions options, Engine engine) {
    this.session = session;
    this.options = options;
    this.engine = engine;
  }

  /** Returns the exit code. */
  int follow(BackupRun run) throws InterruptedException {
    Terminal terminal = session.terminal();
    String id = run.backup().value();
    session.stopping().onRequest(() -> stop(id));
    ProgressView view = new ProgressView(terminal, session.clock());
    if (!options.json()) {
      terminal.result(id);
    }
    Optional<RunNote> note = RunNote.of(options.home(), id);
    note.ifPresent(RunNote::write);
    try {
      while (!run.await(REDRAW_PERIOD)) {
        show(view, run);
      }
    } finally {
      over = true;
      note.ifPresent(RunNote::remove);
    }
    show(view, run);
    view.clear();
    return end(run);
  }

  private void show(ProgressView view, BackupRun run) {
    if (!options.json()) {
      Optional<String> waiting = run.waitingFor();
      if (waiting.isPresent() && !waiting.equals(told)) {
        session.terminal().error("waits for " + waiting.get());
      }
      told = waiting;
      view.show(run.progress());
    }
  }

  private void stop(String id) {
    if (over) {
      return;
    }
    session.terminal().error("stopping at the next chunk ...");
    try {
      engine.stop(id);
    } catch (OperatorException e) {
      session.terminal().error(e.getMessage());
    }
  }

  private int end(BackupRun run) {
    String id = run.backup().value();
    BackupRow row =
        engine
            .find(id)
            .orElseThrow(() -> OperatorException.failed(id + " is not in the catalog", null));
    new BackupPrinter(session, options, engine).print(row);
    return switch (row.status()) {
      case COMPLETED -> completed(row);
      case STOPPED -> stopped(id);
      default -> failed(run, row);
    };
  }

  private int completed(BackupRow row) {
    boolean whole = row.disks().stream().allMatch(disk -> disk.status() == Status.COMPLETED);
    if (!whole) {
      session.terminal().error(row.id() + ": not every disk is protected; see above");
    }
    return whole ? 0 : Kind.UNPROTECTED.exitCode();
  }

  private int stopped(String id) {
    session
        .terminal()
        .error(id + " was stopped; `backstep relaunch " + id + "` continues where it stopped");
    return Kind.STOPPED.exitCode();
  }

  private int failed(BackupRun run, BackupRow row) {
    String error = run.error().or(row::error).orElse("the log says why");
    session
        .terminal()
        .error(
            row.id()
                + " failed: "
                + error
                + "; `backstep relaunch "
                + row.id()
                + "` continues where it stopped");
    return run.failure().orElse(Kind.FAILED).exitCode();
  }
}
