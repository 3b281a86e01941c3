package dev.backstep.cli;

import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.RepositoryImport;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "import",
    description = {
      "Takes over what a repository's files say and the database does not know, as after the",
      "database was lost: restore points, images, change ids. The next backups are incremental."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.UNPROTECTED,
      ExitCode.BUSY
    })
final class RepositoryImportCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "DIR", description = "The repository's folder.")
  private Path folder = Path.of("");

  RepositoryImportCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    RepositoryImport.Result result =
        session.jobs().repositories().importRepository(folder.toAbsolutePath().normalize());
    if (session.options().json()) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("restore_points", result.restorePoints());
      fields.put("images", result.images());
      fields.put("known", result.known());
      fields.put("problems", result.problems());
      session.terminal().result(BackupDocument.text(fields));
    } else {
      session
          .terminal()
          .result(
              result.restorePoints()
                  + " restore points and "
                  + result.images()
                  + " images taken over, "
                  + result.known()
                  + " backups were known already");
      result.problems().forEach(session.terminal()::error);
    }
    return result.problems().isEmpty() ? 0 : Kind.UNPROTECTED.exitCode();
  }
}
