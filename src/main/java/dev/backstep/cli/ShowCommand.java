package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.job.OperatorException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.NONE)
@Command(
    name = "show",
    description =
        "Shows one backup: what each disk became and why, sizes, change ids, images; or one task.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ShowCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(
      paramLabel = "ID",
      description = "A backup's id, one of its disk backups', or a task's.")
  private String id = "";

  ShowCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    Engine engine = session.catalog();
    if (TaskWatch.isOne(id)) {
      new TaskWatch(session, engine).print(id);
      return 0;
    }
    new BackupPrinter(session, options, engine).print(find(engine, id));
    return 0;
  }

  /**
   * @throws OperatorException NOT_FOUND
   */
  static BackupRow find(Engine engine, String id) {
    return engine
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(id + ": no such backup; `backstep list` shows the backups"));
  }
}
