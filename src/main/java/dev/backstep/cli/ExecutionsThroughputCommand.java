package dev.backstep.cli;

import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.OperatorException;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "throughput",
    description = "Completed disk backups with their rates, newest first.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ExecutionsThroughputCommand extends ReportCommand {

  @Option(names = "--vm", paramLabel = "VM", description = "Only this VM's.")
  private @Nullable String vm;

  @Option(names = "--disk", paramLabel = "N", description = "Only the disk of this number.")
  private @Nullable Integer disk;

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description = "That ended then or later: " + Moment.ACCEPTED + ". Default: 7d.")
  private @Nullable String since;

  ExecutionsThroughputCommand(Session session) {
    super(session, AdminReport.THROUGHPUT);
  }

  @Override
  void check() {
    super.check();
    if (disk != null && vm == null) {
      throw OperatorException.usage("--disk " + disk + " of which VM? name it with --vm", null);
    }
  }

  @Override
  AdminFilter filter(Engine engine) {
    return new AdminFilter(
        Optional.ofNullable(vm),
        disk == null ? OptionalInt.empty() : OptionalInt.of(disk),
        since(since),
        Optional.empty());
  }
}
