package dev.backstep.cli;

import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.DidYouMean;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "fulls",
    description = "Completed full copies with their reasons, newest first.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ExecutionsFullsCommand extends ReportCommand {

  @Option(names = "--vm", paramLabel = "VM", description = "Only this VM's.")
  private @Nullable String vm;

  @Option(
      names = "--reason",
      paramLabel = "REASON",
      description = "Only those of this reason, such as CBT_RESET.")
  private @Nullable String reason;

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description = "That ended then or later: " + Moment.ACCEPTED + ". Default: 30d.")
  private @Nullable String since;

  ExecutionsFullsCommand(Session session) {
    super(session, AdminReport.FULLS);
  }

  @Override
  void check() {
    super.check();
    reason();
  }

  @Override
  AdminFilter filter(Engine engine) {
    return new AdminFilter(Optional.ofNullable(vm), OptionalInt.empty(), since(since), reason());
  }

  private Optional<Reason> reason() {
    if (reason == null) {
      return Optional.empty();
    }
    List<String> accepted =
        Stream.of(Reason.values())
            .filter(value -> value.level() == Level.FULL)
            .map(Enum::name)
            .toList();
    if (!accepted.contains(reason)) {
      throw OperatorException.usage(
          "--reason is '"
              + reason
              + "'; expected one of "
              + String.join(", ", accepted)
              + DidYouMean.hint(reason, accepted),
          null);
    }
    return Optional.of(Reason.valueOf(reason));
  }
}
