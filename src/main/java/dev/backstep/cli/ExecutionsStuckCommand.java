package dev.backstep.cli;

import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import picocli.CommandLine.Command;

@Effect(Effect.Kind.NONE)
@Command(
    name = "stuck",
    description = "What is called running although no living process runs it.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ExecutionsStuckCommand extends ReportCommand {

  ExecutionsStuckCommand(Session session) {
    super(session, AdminReport.STUCK);
  }

  @Override
  AdminFilter filter(Engine engine) {
    return AdminFilter.NONE;
  }
}
