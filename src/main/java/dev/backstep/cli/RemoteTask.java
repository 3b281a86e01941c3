package dev.backstep.cli;

import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.job.OperatorException;
import dev.backstep.job.TaskRun;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import tools.jackson.databind.JsonNode;

/**
 * A task that a server runs, asked for its state now and then. A server that does not answer, or
 * whose database does not, is given up when its process is gone or it has been silent for long; its
 * task goes on meanwhile.
 *
 * @param silenceMax how long a living server is asked again
 */
record RemoteTask(RemoteClient client, String id, Duration silenceMax) implements TaskRun {

  static final String PATH = "/api/v1/tasks";

  private static final Duration SILENCE_MAX = Duration.ofSeconds(60);
  private static final Duration PAUSE = Duration.ofMillis(250);

  RemoteTask(RemoteClient client, String id) {
    this(client, id, SILENCE_MAX);
  }

  /** The task that an answer is about. */
  static RemoteTask of(RemoteClient client, JsonNode answer) {
    return new RemoteTask(client, answer.get("task_id").asString());
  }

  static String path(String id) {
    return PATH + "/" + RemoteClient.encoded(id);
  }

  /** The same, given up only with its server's process: what it writes to is ours. */
  static TaskRun untilTheServerIsGone(TaskRun run) {
    return run instanceof RemoteTask task
        ? new RemoteTask(task.client, task.id, ChronoUnit.FOREVER.getDuration())
        : run;
  }

  /**
   * @throws OperatorException FAILED when the server is given up
   */
  @Override
  public TaskRow state() {
    OptionalLong silentSince = OptionalLong.empty();
    while (true) {
      try {
        return row(client.get(path(id)));
      } catch (OperatorException e) {
        long since = silentSince.orElseGet(System::nanoTime);
        silentSince = OptionalLong.of(since);
        if (e.kind() != OperatorException.Kind.FAILED) {
          throw e;
        }
        if (!client.serverLives() || isLong(Duration.ofNanos(System.nanoTime() - since))) {
          throw OperatorException.failed(
              e.getMessage()
                  + "; what became of "
                  + id
                  + " is shown by `backstep show "
                  + id
                  + "` when the server serves again",
              e);
        }
        LockSupport.parkNanos(PAUSE.toNanos());
      }
    }
  }

  private boolean isLong(Duration silence) {
    return silence.compareTo(silenceMax) >= 0;
  }

  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    long end = System.nanoTime() + timeout.toNanos();
    while (state().status() == Status.RUNNING) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      Thread.sleep(Duration.ofNanos(Math.min(left, PAUSE.toNanos())));
    }
    return true;
  }

  /** As {@link dev.backstep.job.TaskDocument} writes it. */
  static TaskRow row(JsonNode json) {
    return row(json, json.path("backup_id").asString(""));
  }

  /** The same with what came of it. */
  static JudgedTask judged(JsonNode json) {
    return new JudgedTask(
        row(json),
        RemoteRows.text(json, "verdict").map(TaskVerdict::valueOf),
        json.path("images_damaged").isNumber()
            ? OptionalInt.of(json.get("images_damaged").asInt())
            : OptionalInt.empty());
  }

  /** The same of one whose settings the server tells. */
  static TaskRow row(JsonNode json, String settings) {
    return new TaskRow(
        json.get("task_id").asString(),
        TaskKind.ofWord(json.get("kind").asString()).orElseThrow(),
        json.get("subject").asString(),
        settings,
        Status.valueOf(json.get("status").asString()),
        RemoteRows.time(json, "created_at").orElse(Instant.EPOCH),
        RemoteRows.time(json, "completed_at"),
        OptionalLong.empty(),
        json.get("execution_id").isNumber()
            ? OptionalLong.of(json.get("execution_id").asLong())
            : OptionalLong.empty(),
        RemoteRows.text(json, "error"),
        json.get("bytes_total").asLong(),
        json.get("bytes_done").asLong());
  }
}
