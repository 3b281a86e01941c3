package dev.backstep.cli;

import dev.backstep.domain.BackupId;
import dev.backstep.job.OperatorException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "verify",
    description = {
      "Checks the images of a restore point, with all that they need, or of all of them.",
      "Reads them from disk and compares with the checksums taken when they were written."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class VerifyCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "ID", arity = "0..1", description = "A backup's id.")
  private @Nullable String id;

  @Option(names = "--all", description = "Every image of every repository.")
  private boolean all;

  @Option(
      names = "--structure",
      description = "Only manifests, headers, tables and refcounts; no data is read.")
  private boolean structure;

  VerifyCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws InterruptedException {
    if (all == (id != null)) {
      throw OperatorException.usage("what to verify? A backup's id, or --all", null);
    }
    Engine engine = session.jobs();
    Optional<BackupId> backup =
        id == null ? Optional.empty() : Optional.of(ShowCommand.find(engine, id).id());
    return new TaskWatch(session, engine).follow(engine.verify(backup, !structure));
  }
}
