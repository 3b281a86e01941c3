package dev.backstep.cli;

import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import picocli.CommandLine.Command;

@Effect(Effect.Kind.NONE)
@Command(
    name = "running",
    description =
        "What runs now: the rate of each disk, the time left, and the disk that will be the last"
            + " one.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsRunningCommand extends ReportCommand {

  ExecutionsRunningCommand(Session session) {
    super(session, AdminReport.RUNNING);
  }

  @Override
  AdminFilter filter(Engine engine) {
    return AdminFilter.NONE;
  }
}
