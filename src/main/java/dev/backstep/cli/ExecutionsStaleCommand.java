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
    name = "stale",
    description =
        "VMs without a restore point that is new enough, the oldest first; those without any"
            + " before.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsStaleCommand extends ReportCommand {

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description =
          "New enough is what shows this moment or a later one: "
              + Moment.ACCEPTED
              + ". Default: 26h, for nightly backups.")
  private @Nullable String since;

  ExecutionsStaleCommand(Session session) {
    super(session, AdminReport.STALE);
  }

  @Override
  AdminFilter filter(Engine engine) {
    return new AdminFilter(Optional.empty(), OptionalInt.empty(), since(since), Optional.empty());
  }
}
