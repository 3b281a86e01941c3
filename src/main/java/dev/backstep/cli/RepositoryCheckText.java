package dev.backstep.cli;

import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.CheckFinding.Kind;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.CheckedRepository;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RepositoryCheckDocument;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Prints what a check of a repository found. */
record RepositoryCheckText(Session session) {

  /** Of a task. Returns the exit code: failed when something is wrong. */
  int print(Engine engine, TaskRow task) {
    RepositoryVerbs repositories = engine.repositories();
    RepositoryCheckRow row =
        repositories
            .repositoryCheck(task.id())
            .orElseThrow(
                () -> OperatorException.notFound(task.id() + ": no such check of a repository"));
    return print(
        RepositoryCheckDocument.fields(row),
        new CheckedRepository(
            row.restorePoints(), row.images(), repositories.checkFindings(task.id())),
        row.task().status());
  }

  /** Of a folder. Returns the exit code, likewise. */
  int print(CheckedRepository found) {
    return print(new LinkedHashMap<>(), found, Status.COMPLETED);
  }

  private int print(Map<String, @Nullable Object> fields, CheckedRepository found, Status status) {
    if (session.options().json()) {
      fields.putAll(fields(found));
      session.terminal().result(BackupDocument.text(fields));
    } else {
      found.findings().forEach(finding -> session.terminal().result(line(finding)));
      session.terminal().result(summary(found, status));
    }
    return found.problems() == 0 ? 0 : OperatorException.Kind.FAILED.exitCode();
  }

  private static String summary(CheckedRepository found, Status status) {
    String findings = found.problems() + " findings";
    return switch (status) {
      case COMPLETED ->
          found.restorePoints()
              + " restore points, "
              + found.images()
              + " images: "
              + (found.problems() == 0 ? "nothing is wrong" : findings);
      case RUNNING -> findings + " so far";
      default -> "not done: " + findings + " so far";
    };
  }

  private String line(CheckFinding finding) {
    String subject = BackupText.printable(finding.subject());
    if (finding.isProblem()) {
      return "WRONG    " + subject + ": " + BackupText.printable(finding.text());
    }
    String size = Sizes.bytes(finding.bytes());
    return finding.kind() == Kind.UNNEEDED
        ? "unneeded " + subject + "  " + size + ", no restore point stands on it"
        : "%-8s %s  %s, %s old".formatted(word(finding), subject, size, Sizes.time(age(finding)));
  }

  private static String word(CheckFinding finding) {
    return finding.kind().name().toLowerCase(Locale.ROOT);
  }

  private Duration age(CheckFinding finding) {
    Instant now = Instant.now(session.clock());
    Duration age = Duration.between(finding.modifiedAt().orElse(now), now);
    return age.isNegative() ? Duration.ZERO : age;
  }

  private Map<String, Object> fields(CheckedRepository found) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("restore_points", found.restorePoints());
    fields.put("images", found.images());
    fields.put(
        "problems",
        of(found, Kind.RESTORE_POINT, Kind.IMAGE, Kind.CATALOG)
            .map(finding -> {
              Map<String, Object> one = new LinkedHashMap<>();
              one.put("about", finding.kind().name());
              one.put("subject", finding.subject());
              one.put("text", finding.text());
              return one;
            })
            .toList());
    fields.put(
        "strays",
        of(found, Kind.PARTIAL, Kind.ORPHAN, Kind.FOREIGN)
            .map(finding -> {
              Map<String, Object> one = new LinkedHashMap<>();
              one.put("kind", finding.kind().name());
              one.put("file", finding.subject());
              one.put("bytes", finding.bytes());
              one.put("age_seconds", age(finding).toSeconds());
              return one;
            })
            .toList());
    fields.put("unneeded", of(found, Kind.UNNEEDED).map(CheckFinding::subject).toList());
    return fields;
  }

  private static Stream<CheckFinding> of(CheckedRepository found, Kind... kinds) {
    List<Kind> some = List.of(kinds);
    return found.findings().stream().filter(finding -> some.contains(finding.kind()));
  }
}
