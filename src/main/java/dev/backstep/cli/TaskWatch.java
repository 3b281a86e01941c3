package dev.backstep.cli;

import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.TaskDocument;
import dev.backstep.job.TaskRun;
import java.time.Duration;
import java.util.Optional;

/** Follows a task to its end, showing progress, and prints what came of it. */
final class TaskWatch {

  private static final Duration REDRAW_PERIOD = Duration.ofMillis(250);

  private final Session session;
  private final Engine engine;
  private final String options;

  TaskWatch(Session session, Engine engine) {
    this(session, engine, "");
  }

  /**
   * @param options of the {@code relaunch} that would go on with it
   */
  TaskWatch(Session session, Engine engine, String options) {
    this.session = session;
    this.engine = engine;
    this.options = options;
  }

  /** Whether an id is that of a task. */
  static boolean isOne(String id) {
    return TaskKind.ofId(id).isPresent();
  }

  /** Returns the exit code. */
  int follow(TaskRun run) throws InterruptedException {
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
          TaskRow now = run.state();
          view.showTotal(now.kind().word(), now.bytesDone(), now.bytesTotal());
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
      engine.stopTask(id);
    } catch (OperatorException e) {
      session.terminal().error(e.getMessage());
    }
  }

  private int end(String id) {
    int found = print(id);
    TaskRow row = row(engine, id);
    if (row.status() == Status.COMPLETED) {
      return found;
    }
    if (row.status() == Status.FAILED && found == Kind.UNPROTECTED.exitCode()) {
      session.terminal().error(id + ": " + row.error().orElse("the log says why"));
      return found;
    }
    boolean stopped = row.status() == Status.STOPPED;
    session
        .terminal()
        .error(
            id
                + (stopped ? " was stopped" : " failed: " + row.error().orElse("the log says why"))
                + "; `backstep relaunch "
                + id
                + options
                + "` goes on where it stopped");
    return (stopped ? Kind.STOPPED : Kind.FAILED).exitCode();
  }

  /** Prints what came of it so far. Returns the exit code of one that has COMPLETED like this. */
  int print(String id) {
    TaskRow row = row(engine, id);
    return switch (row.kind()) {
      case VERIFY -> new VerifyText(session, engine).print(row);
      case PRUNE -> freed(row);
      case RESTORE -> new RestoreText(session, engine).print(row);
      case REPLICATE -> new ReplicationText(session, engine).print(row);
      case CHECK -> new RepositoryCheckText(session).print(engine, row);
      case TEST -> new RestoreTestText(session, engine).print(row);
      case COPY, MERGE -> plain(row);
    };
  }

  private int freed(TaskRow row) {
    if (session.options().json()) {
      return plain(row);
    }
    session
        .terminal()
        .result(
            row.id()
                + " "
                + row.status()
                + "  "
                + Sizes.bytes(row.bytesDone())
                + " of "
                + Sizes.bytes(row.bytesTotal())
                + " freed");
    return 0;
  }

  private int plain(TaskRow row) {
    if (session.options().json()) {
      session.terminal().result(BackupDocument.text(TaskDocument.fields(row)));
    } else {
      session.terminal().result(row.id() + " " + row.status() + "  " + row.subject());
    }
    return 0;
  }

  /**
   * @throws OperatorException NOT_FOUND
   */
  static TaskRow row(Engine engine, String id) {
    return engine
        .task(id)
        .orElseThrow(() ->
            OperatorException.notFound(id + ": no such task; `backstep tasks` shows the tasks"));
  }
}
