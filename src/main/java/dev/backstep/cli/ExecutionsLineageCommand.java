package dev.backstep.cli;

import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.NONE)
@Command(
    name = "lineage",
    description =
        "The completed disk backups of one disk, newest first: change ids, images, what each stands"
            + " on and why.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ExecutionsLineageCommand extends ReportCommand {

  @Parameters(index = "0", paramLabel = "VM", description = "The VM's name.")
  private String vm = "";

  @Parameters(index = "1", paramLabel = "DISK", description = "The disk's number, or its key.")
  private String disk = "";

  ExecutionsLineageCommand(Session session) {
    super(session, AdminReport.LINEAGE);
  }

  @Override
  AdminFilter filter(Engine engine) {
    return new AdminFilter(
        Optional.of(vm),
        OptionalInt.of(DiskNumber.of(engine, vm, disk)),
        Optional.empty(),
        Optional.empty());
  }
}
