package dev.backstep.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Effect(Effect.Kind.NONE)
@Command(
    name = "repository",
    description = "What is done with a whole repository.",
    subcommands = {
      RepositoryInitCommand.class,
      RepositoryCheckCommand.class,
      RepositoryOrphansCommand.class,
      RepositoryImportCommand.class,
      RepositoryCopyCommand.class
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class RepositoryCommand implements Runnable {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "what to do? One of: " + String.join(", ", spec.subcommands().keySet()));
  }
}
