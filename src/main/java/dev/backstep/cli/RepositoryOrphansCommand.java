package dev.backstep.cli;

import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OrphanCollection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "orphans",
    description = {
      "Lists files of a repository that neither its manifests nor the database name: what crashes",
      "and given up backups have left. With --collect those that are old enough go."
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class RepositoryOrphansCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "DIR", description = "The repository's folder.")
  private Path folder = Path.of("");

  @Option(names = "--collect", description = "Deletes those that are old enough.")
  private boolean collect;

  @Option(
      names = "--older-than",
      paramLabel = "DAYS",
      description = "Only files that were not changed for so long go. Default: ${DEFAULT-VALUE}.")
  private int days = 7;

  RepositoryOrphansCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    if (days < 0) {
      throw OperatorException.usage("--older-than is " + days + "; expected at least 0", null);
    }
    Engine engine = collect ? session.jobs() : session.catalog();
    List<OrphanCollection.Found> found =
        engine
            .repositories()
            .orphans(folder.toAbsolutePath().normalize(), Duration.ofDays(days), collect);
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(found.stream().map(OrphanCollection::fields).toList())
                : text(found));
    return 0;
  }

  private String text(List<OrphanCollection.Found> found) {
    if (found.isEmpty()) {
      return "no orphans";
    }
    Table table = new Table("", "KIND", "SIZE", "CHANGED", "FILE");
    for (OrphanCollection.Found one : found) {
      table.add(
          one.collected() ? "gone" : "",
          one.orphan().why(),
          Sizes.bytes(one.orphan().bytes()),
          one.orphan().modifiedAt().toString(),
          BackupText.printable(one.orphan().file().toString()));
    }
    return table.toString();
  }
}
