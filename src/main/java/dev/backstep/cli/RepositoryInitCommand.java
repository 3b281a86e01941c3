package dev.backstep.cli;

import dev.backstep.job.BackupDocument;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.FILES)
@Command(
    name = "init",
    description = {
      "Makes a repository in a folder that is absent or empty, and prints its id; of one that is",
      "there already it only prints it. Backups do the same by themselves."
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class RepositoryInitCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "DIR", description = "The repository's folder.")
  private Path folder = Path.of("");

  RepositoryInitCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    Repository repository = Repository.openOrCreate(folder);
    repository.checkWritable();
    if (session.options().json()) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("repository_id", repository.id().value());
      fields.put("path", repository.root().toString());
      fields.put("format", repository.format());
      session.terminal().result(BackupDocument.text(fields));
    } else {
      session.terminal().result(repository.id().value());
    }
    return 0;
  }
}
