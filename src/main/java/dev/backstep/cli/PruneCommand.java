package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PruneDocument;
import dev.backstep.job.PrunePlan;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "prune",
    description = {
      "Deletes the restore points that the retention of their VM's definition does not keep.",
      "With --plan it only says what would go, what stays and why, and stores that: see `plans`."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class PruneCommand implements Callable<Integer> {

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm");

  private final Session session;
  private final CommandOptions options;

  @Parameters(
      paramLabel = "FILE|VM",
      arity = "0..*",
      description = "Job definitions' files, or VMs' names. Default: every definition.")
  private List<String> names = new ArrayList<>();

  @Option(names = "--plan", description = "Deletes nothing.")
  private boolean planOnly;

  PruneCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws InterruptedException {
    NamedDefinitions.Found found = new NamedDefinitions(session).each(names);
    List<JobDefinition> definitions = found.definitions();
    if (definitions.stream().allMatch(definition -> definition.retention().isEmpty())) {
      throw OperatorException.usage(
          "no retention in "
              + (names.isEmpty() ? "any definition of " + options.jobFolder().folder() : names)
              + "; a definition without one keeps everything",
          null);
    }
    if (planOnly) {
      return found.exitCode(plan(definitions));
    }
    Engine engine = session.jobs();
    return found.exitCode(
        new TaskWatch(session, engine).follow(engine.retention().prune(definitions)));
  }

  /** Shows it, and stores it where something would go. */
  private int plan(List<JobDefinition> definitions) {
    Engine engine = session.jobs();
    PrunePlan plan = engine.retention().prunePlan(definitions);
    Optional<String> id =
        plan.dropped().isEmpty()
            ? Optional.empty()
            : Optional.of(engine.retention().storePlan(definitions).id());
    if (options.json()) {
      Map<String, @Nullable Object> fields = PruneDocument.fields(plan);
      fields.put("plan_id", id.orElse(null));
      session.terminal().result(BackupDocument.text(fields));
    } else {
      session
          .terminal()
          .result(
              text(plan)
                  + id.map(stored -> ", `backstep plans run " + stored + "` just this").orElse(""));
    }
    return 0;
  }

  private String text(PrunePlan plan) {
    List<String> parts = new ArrayList<>();
    for (PrunePlan.Machine machine : plan.machines()) {
      Table table = new Table("", "RESTORE POINT", "TAKEN", "SIZE", "WHY");
      for (PrunePlan.Point point : machine.points()) {
        table.add(
            point.action().name().toLowerCase(Locale.ROOT),
            point.id().value(),
            TIME.format(point.takenAt().atZone(machine.zone())),
            Sizes.bytes(point.bytes()),
            String.join(", ", point.reasons()));
      }
      parts.add(
          BackupText.printable(machine.vmName())
              + " in "
              + machine.repository()
              + System.lineSeparator()
              + table);
    }
    parts.add(
        plan.dropped().size()
            + " would go, and free "
            + Sizes.bytes(plan.bytesFreed())
            + "; `backstep prune` does it");
    return String.join(System.lineSeparator() + System.lineSeparator(), parts);
  }
}
