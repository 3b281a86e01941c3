package dev.backstep.cli;

import dev.backstep.catalog.Page;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A verb that asks for one report and prints it. */
abstract class ReportCommand implements Callable<Integer> {

  private static final int ROWS_MAX = 100_000;

  private final Session session;
  private final AdminReport report;

  @Option(
      names = "--limit",
      paramLabel = "N",
      order = 80,
      description = "At most so many. Default: ${DEFAULT-VALUE}.")
  private int limit = 100;

  ReportCommand(Session session, AdminReport report) {
    this.session = session;
    this.report = report;
  }

  /** What is asked for beyond the report itself. */
  abstract AdminFilter filter(Engine engine);

  /** Checks what can be checked before an engine is started. */
  void check() {
    if (limit < 1 || limit > ROWS_MAX) {
      throw OperatorException.usage("--limit is " + limit + "; expected 1 to " + ROWS_MAX, null);
    }
  }

  @Override
  public final Integer call() {
    check();
    Engine engine = session.catalog();
    AdminFilter filter = filter(engine);
    List<Map<String, @Nullable Object>> rows =
        Page.rows(limit, request -> engine.report(report, filter, request));
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(rows)
                : new ReportText(session.clock().getZone()).table(report, rows));
    return 0;
  }

  Optional<Instant> since(@Nullable String typed) {
    return Moment.of("--since", typed, session.clock());
  }
}
