package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "replicate",
    description = {
      "Brings the standing targets of a VM's disks to its present state.",
      "What changed since the last run is written in place. Where they go stands in the"
          + " definition's 'replicate'."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.UNPROTECTED,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class ReplicateCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "FILE|VM", description = "A job definition's file, or a VM's name.")
  private String fileOrVm = "";

  @Option(names = "--full", description = "Copies every disk whole.")
  private boolean full;

  @Option(
      names = "--verify",
      description = "Reads source and targets behind the run and compares them.")
  private boolean verify;

  ReplicateCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws InterruptedException {
    JobDefinition job = new NamedDefinitions(session).only(fileOrVm);
    Engine engine = session.jobs();
    RequestedLevel level = full ? RequestedLevel.FULL : RequestedLevel.AUTO;
    return new TaskWatch(session, engine).follow(engine.replicate(job, level, verify));
  }
}
