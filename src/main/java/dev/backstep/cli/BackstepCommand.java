package dev.backstep.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Effect(Effect.Kind.NONE)
@Command(
    name = "backstep",
    description = {"Backs up virtual machines with several disks into chains of QCOW2 images.", ""},
    subcommands = {
      BackupCommand.class,
      ListCommand.class,
      ShowCommand.class,
      ChangeIdCommand.class,
      RestoreCommand.class,
      VerifyCommand.class,
      ReplicateCommand.class,
      ReplicationsCommand.class,
      PruneCommand.class,
      PlansCommand.class,
      MergeCommand.class,
      PinCommand.class,
      UnpinCommand.class,
      TasksCommand.class,
      ExecutionsCommand.class,
      RepositoryCommand.class,
      StopCommand.class,
      RelaunchCommand.class,
      DeleteCommand.class,
      DoctorCommand.class,
      ServeCommand.class,
      ScheduleCommand.class,
      TokenCommand.class,
      ServeNbdCommand.class,
      FilesCommand.class,
      HelpCommand.class
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
final class BackstepCommand implements Runnable {

  @Mixin private final CommandOptions options;

  @Spec private CommandSpec spec = CommandSpec.create();

  BackstepCommand(Session session) {
    this.options = session.options();
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "what to do? One of: " + String.join(", ", spec.subcommands().keySet()));
  }
}
