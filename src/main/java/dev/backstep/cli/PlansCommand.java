package dev.backstep.cli;

import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.BackupId;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.PlanDocument;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "plans",
    description = {
      "Lists the plans that `prune --plan` has stored, newest first.",
      "One can be approved by another user, and run as far as it still fits."
    },
    subcommands = {PlansShowCommand.class, PlansApproveCommand.class, PlansRunCommand.class},
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class PlansCommand implements Callable<Integer> {

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm");

  private final Session session;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "At most so many. Default: ${DEFAULT-VALUE}.")
  private int limit = 100;

  PlansCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    List<PlanRow> plans = session.catalog().retention().plans(Math.max(1, limit));
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(plans.stream().map(PlanDocument::fields).toList())
                : text(session, plans));
    return 0;
  }

  private static String text(Session session, List<PlanRow> plans) {
    if (plans.isEmpty()) {
      return "no plans yet";
    }
    Table table =
        new Table("PLAN", "STATUS", "MADE", "BY", "APPROVED BY", "GO", "FREES", "SUBJECT");
    for (PlanRow plan : plans) {
      table.add(
          plan.id(),
          plan.status().name(),
          TIME.format(plan.createdAt().atZone(session.clock().getZone())),
          BackupText.printable(plan.createdBy()),
          BackupText.printable(plan.approvedBy().orElse("")),
          String.valueOf(plan.drops().size()),
          Sizes.bytes(plan.bytesFreed()),
          BackupText.printable(plan.subject()));
    }
    return table.toString();
  }

  /** One plan with what goes by it. */
  static String text(Session session, PlanRow plan) {
    List<String> lines = new ArrayList<>();
    lines.add(text(session, List.of(plan)));
    plan.drops().stream().map(BackupId::value).forEach(lines::add);
    if (!plan.note().isEmpty()) {
      lines.add("did not go:");
      lines.add(plan.note());
    }
    return String.join(System.lineSeparator(), lines);
  }

  /** Prints one plan. */
  static int print(Session session, PlanRow plan) {
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(PlanDocument.fields(plan))
                : text(session, plan));
    return 0;
  }
}
