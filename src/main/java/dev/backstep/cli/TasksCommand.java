package dev.backstep.cli;

import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.TaskDocument;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "tasks",
    description = "Lists what ran beside backups, newest first: verifications and the like.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class TasksCommand implements Callable<Integer> {

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");

  private final Session session;

  @Option(names = "--kind", paramLabel = "KIND", description = "Only these: verify, for instance.")
  private @Nullable String kind;

  @Option(
      names = "--status",
      paramLabel = "STATUS",
      description = "Only those that are so: failed, for instance.")
  private @Nullable String status;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "At most so many. Default: ${DEFAULT-VALUE}.")
  private int limit = 100;

  TasksCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    if (limit < 1) {
      throw OperatorException.usage("--limit is " + limit + "; expected at least 1", null);
    }
    Optional<TaskKind> of = Optional.ofNullable(kind).map(TasksCommand::kind);
    Optional<Status> as = Optional.ofNullable(status).map(TasksCommand::status);
    List<JudgedTask> tasks = session.catalog().tasks(of, as, limit);
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(tasks.stream().map(TaskDocument::fields).toList())
                : text(tasks));
    return 0;
  }

  private static TaskKind kind(String word) {
    return TaskKind.ofWord(word)
        .orElseThrow(
            () -> notOneOf("--kind", word, Arrays.stream(TaskKind.values()).map(TaskKind::word)));
  }

  private static Status status(String word) {
    return Status.ofTask(word)
        .orElseThrow(() -> notOneOf("--status", word, Status.OF_TASKS.stream().map(Status::word)));
  }

  private static OperatorException notOneOf(String option, String word, Stream<String> accepted) {
    return OperatorException.usage(
        option + " is " + word + "; expected one of " + accepted.collect(Collectors.joining(", ")),
        null);
  }

  private String text(List<JudgedTask> tasks) {
    if (tasks.isEmpty()) {
      return kind == null && status == null ? "no tasks yet" : "no such tasks";
    }
    ZoneId zone = session.clock().getZone();
    Table table = new Table("TASK", "STATUS", "VERDICT", "BEGAN", "DONE", "SUBJECT");
    for (JudgedTask judged : tasks) {
      TaskRow task = judged.task();
      table.add(
          task.id(),
          task.status().name(),
          verdict(judged),
          TIME.format(task.createdAt().atZone(zone)),
          done(task),
          BackupText.printable(task.subject()));
    }
    return table.toString();
  }

  private static String verdict(JudgedTask judged) {
    int damaged = judged.imagesDamaged().orElse(0);
    String count = damaged > 0 ? damaged + " " : "";
    return judged.verdict().map(verdict -> count + verdict.text()).orElse("");
  }

  /** Empty where the work is not counted in bytes: a restore test's, for instance. */
  private static String done(TaskRow task) {
    return task.bytesTotal() == 0
        ? ""
        : Sizes.bytes(task.bytesDone()) + " of " + Sizes.bytes(task.bytesTotal());
  }
}
