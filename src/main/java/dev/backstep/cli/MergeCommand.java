package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.MergeWork;
import dev.backstep.job.PruneDocument;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "merge",
    description = {
      "Shortens chains of images.",
      "Restore points that the retention does not keep, and others stand on, go: what those need of"
          + " them is written into images that take their place. Where a chain is so long that the"
          + " next backup would be full, the newest image becomes one."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class MergeCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(
      paramLabel = "FILE|VM",
      arity = "0..*",
      description = "Job definitions' files, or VMs' names. Default: every definition.")
  private List<String> names = new ArrayList<>();

  @Option(names = "--plan", description = "Changes nothing.")
  private boolean planOnly;

  @Option(
      names = "--consolidate",
      description = "Makes the newest image of every disk a full one, however short its chain.")
  private boolean consolidate;

  MergeCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws InterruptedException {
    NamedDefinitions.Found found = new NamedDefinitions(session).each(names);
    List<JobDefinition> definitions = found.definitions();
    if (planOnly) {
      MergeWork work = session.catalog().retention().mergePlan(definitions, consolidate);
      session
          .terminal()
          .result(
              session.options().json()
                  ? BackupDocument.text(PruneDocument.fields(work))
                  : text(work));
      return found.exitCode(0);
    }
    Engine engine = session.jobs();
    return found.exitCode(
        new TaskWatch(session, engine).follow(engine.retention().merge(definitions, consolidate)));
  }

  private static String text(MergeWork work) {
    List<String> lines = new ArrayList<>();
    work.going().forEach(id -> lines.add(id + " would go, and what stands on it be merged"));
    work.roots().forEach(id -> lines.add(id + " would become a full image"));
    return lines.isEmpty() ? "nothing to merge" : String.join(System.lineSeparator(), lines);
  }
}
