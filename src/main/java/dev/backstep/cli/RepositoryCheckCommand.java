package dev.backstep.cli;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.job.CheckedRepository;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "check",
    description = {
      "Checks the structure of a whole repository: restore points, manifests, images, chains.",
      "Lists what lies about: work in progress with its age, halves, files of others.",
      "A folder is checked by its own files; an id also against the database, as a task."
    },
    exitCodeList = {
      ExitCode.DONE,
      "1:failed, or something is damaged or missing",
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class RepositoryCheckCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "DIR|ID", description = "The repository's folder, or its id.")
  private String name = "";

  RepositoryCheckCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (!name.contains("/") && !Files.isDirectory(Path.of(name))) {
      Engine engine = session.jobs();
      return new TaskWatch(session, engine).follow(engine.repositories().checkRepository(name));
    }
    ProgressView view = new ProgressView(session.terminal(), session.clock());
    RepositoryCheck.Result result =
        new RepositoryCheck(Repository.open(Path.of(name)))
            .run((images, of) -> view.showCount("images", images, of));
    view.clear();
    return new RepositoryCheckText(session).print(CheckedRepository.of(result));
  }
}
