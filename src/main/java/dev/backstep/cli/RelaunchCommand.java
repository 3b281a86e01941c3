package dev.backstep.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "relaunch",
    description = "Continues a failed or stopped backup or task where it stopped.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.UNPROTECTED,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class RelaunchCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(
      paramLabel = "ID",
      description = "A backup's or task's id, or a backup execution's number.")
  private String id = "";

  @Option(
      names = "--onto-vm",
      paramLabel = "FILE|VM",
      description = "For a restore onto the disks of a VM: as it was said to restore.")
  private @Nullable String machine;

  RelaunchCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws InterruptedException {
    Engine engine = session.jobs();
    if (machine != null) {
      return new MachineRestore(session, engine, machine).goOn(id);
    }
    if (TaskWatch.isOne(id)) {
      MachineRestore.refuseUnserved(engine, id);
      return new TaskWatch(session, engine).follow(engine.relaunchTask(id));
    }
    return new RunWatch(session, options, engine).follow(engine.relaunch(id));
  }
}
