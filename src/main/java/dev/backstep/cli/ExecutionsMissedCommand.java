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
    name = "missed",
    description = {
      "Starts of schedules that became no backup, newest first: skipped or failed with the reason,",
      "or DUE: no server has taken it."
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsMissedCommand extends ReportCommand {

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description = "Scheduled then or later: " + Moment.ACCEPTED + ". Default: 24h.")
  private @Nullable String since;

  ExecutionsMissedCommand(Session session) {
    super(session, AdminReport.MISSED);
  }

  @Override
  AdminFilter filter(Engine engine) {
    return new AdminFilter(Optional.empty(), OptionalInt.empty(), since(since), Optional.empty());
  }
}
