package dev.backstep.cli;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.Stray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.NONE)
@Command(
    name = "check",
    description = {
      "Checks the structure of a whole repository: restore points, manifests, images, chains.",
      "Lists what lies about: work in progress with its age, halves, files of others.",
      "A folder is checked by its own files; an id also against the database."
    },
    exitCodeList = {
      ExitCode.DONE,
      "1:failed, or something is damaged or missing",
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class RepositoryCheckCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "DIR|ID", description = "The repository's folder, or its id.")
  private String name = "";

  RepositoryCheckCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    ProgressView view = new ProgressView(session.terminal(), session.clock());
    RepositoryCheck.Progress progress = (images, of) -> view.showCount("images", images, of);
    RepositoryCheck.Result result =
        name.contains("/") || Files.isDirectory(Path.of(name))
            ? new RepositoryCheck(Repository.open(Path.of(name)), progress).run()
            : session.catalog().repositories().checkRepository(name, progress);
    view.clear();
    if (session.options().json()) {
      session.terminal().result(BackupDocument.text(fields(result)));
    } else {
      print(result);
    }
    return result.problems().isEmpty() ? 0 : Kind.FAILED.exitCode();
  }

  private void print(RepositoryCheck.Result result) {
    Terminal terminal = session.terminal();
    for (RepositoryCheck.Problem problem : result.problems()) {
      terminal.result(
          "WRONG    "
              + BackupText.printable(problem.subject())
              + ": "
              + BackupText.printable(problem.text()));
    }
    for (Stray stray : result.strays()) {
      terminal.result(
          "%-8s %s  %s, %s old"
              .formatted(
                  word(stray),
                  BackupText.printable(stray.file().toString()),
                  Sizes.bytes(stray.bytes()),
                  Sizes.time(age(stray))));
    }
    for (DiskManifest image : result.unneeded()) {
      terminal.result(
          "unneeded %s  %s, no restore point stands on it"
              .formatted(image.diskBackupId(), Sizes.bytes(image.imageBytes())));
    }
    int wrong = result.problems().size();
    terminal.result(
        result.points().size()
            + " restore points, "
            + result.images().size()
            + " images: "
            + (wrong == 0 ? "nothing is wrong" : wrong + " findings"));
  }

  private static String word(Stray stray) {
    return stray.kind().name().toLowerCase(Locale.ROOT);
  }

  private Duration age(Stray stray) {
    Duration age = Duration.between(stray.lastModified(), Instant.now(session.clock()));
    return age.isNegative() ? Duration.ZERO : age;
  }

  private Map<String, Object> fields(RepositoryCheck.Result result) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("restore_points", result.points().size());
    fields.put("images", result.images().size());
    fields.put(
        "problems",
        result.problems().stream()
            .map(problem -> {
              Map<String, Object> one = new LinkedHashMap<>();
              one.put("about", problem.about().name());
              one.put("subject", problem.subject());
              one.put("text", problem.text());
              return one;
            })
            .toList());
    List<Map<String, Object>> strays = new ArrayList<>();
    for (Stray stray : result.strays()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("kind", stray.kind().name());
      one.put("file", stray.file().toString());
      one.put("bytes", stray.bytes());
      one.put("age_seconds", age(stray).toSeconds());
      strays.add(one);
    }
    fields.put("strays", strays);
    fields.put("unneeded", result.unneeded().stream().map(DiskManifest::diskBackupId).toList());
    return fields;
  }
}
