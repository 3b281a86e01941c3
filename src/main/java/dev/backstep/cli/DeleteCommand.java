package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "delete",
    description =
        "Deletes a restore point: its images go for good. One that a newer restore point's image"
            + " stands on is refused, with the name of that one.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class DeleteCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "ID", description = "The restore point's id, as `list` shows it.")
  private String id = "";

  DeleteCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    session.jobs().delete(id);
    new Answer(session, options).done(id, "deleted", "is deleted");
    return 0;
  }
}
