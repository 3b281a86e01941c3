package dev.backstep.cli;

import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "longest",
    description = "Backups by how long their last execution took, the longest first.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsLongestCommand extends ReportCommand {

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description = "That began then or later: " + Moment.ACCEPTED + ". Default: 7d.")
  private @Nullable String since;

  ExecutionsLongestCommand(Session session) {
    super(session, AdminReport.LONGEST);
  }

  @Override
  AdminFilter filter(Engine engine) {
    return new AdminFilter(Optional.empty(), OptionalInt.empty(), since(since), Optional.empty());
  }
}
