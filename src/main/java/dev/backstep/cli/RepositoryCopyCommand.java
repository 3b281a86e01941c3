package dev.backstep.cli;

import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "copy",
    description = {
      "Copies restore points to a second repository; only images that are missing there move, each",
      "compared with its checksums on the way. A copy that was stopped or killed is relaunched."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class RepositoryCopyCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "SOURCE", index = "0", description = "A repository's folder, or its id.")
  private String source = "";

  @Parameters(
      paramLabel = "TARGET",
      index = "1",
      description = "A repository's folder, made when absent or empty, or its id.")
  private String target = "";

  @Parameters(
      paramLabel = "BACKUP",
      index = "2..*",
      arity = "0..*",
      description = "Only these restore points.")
  private List<String> ids = new ArrayList<>();

  @Option(names = "--vm", paramLabel = "VM", description = "Only this VM's; may be repeated.")
  private List<String> vmNames = new ArrayList<>();

  @Option(
      names = "--last",
      paramLabel = "N",
      description = "Of each VM only the newest N restore points.")
  private @Nullable Integer last;

  RepositoryCopyCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (last != null && last < 1) {
      throw OperatorException.usage("--last " + last + ": expected 1 or more", null);
    }
    Engine engine = session.jobs();
    CopyRequest request =
        new CopyRequest(
            folder(engine, source),
            folder(engine, target),
            vmNames,
            last == null ? OptionalInt.empty() : OptionalInt.of(last),
            ids);
    return new TaskWatch(session, engine).follow(engine.repositories().copy(request));
  }

  /** A folder wins over an id of the same name. */
  private static Path folder(Engine engine, String name) {
    Path path = Path.of(name).toAbsolutePath().normalize();
    return name.contains("/") || Files.isDirectory(path)
        ? path
        : engine.repositories().repositoryPath(name).map(Path::of).orElse(path);
  }
}
