package dev.backstep.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "unpin",
    description = "Lets retention have a restore point again.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class UnpinCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "ID", description = "The restore point's id, as `list` shows it.")
  private String id = "";

  UnpinCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    session.jobs().retention().unpin(id);
    new Answer(session, session.options()).done(id, "unpinned", "is not pinned any more");
    return 0;
  }
}
