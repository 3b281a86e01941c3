package dev.backstep.cli;

import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.job.TaskRun;
import java.time.Duration;
import java.time.Instant;
import java.util.OptionalInt;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

/** A task that a server runs, asked for its state now and then. */
record RemoteTask(RemoteClient client, String id) implements TaskRun {

  static final String PATH = "/api/v1/tasks";

  private static final Duration PAUSE = Duration.ofMillis(250);

  /** The task that an answer is about. */
  static RemoteTask of(RemoteClient client, JsonNode answer) {
    return new RemoteTask(client, answer.get("task_id").asString());
  }

  static String path(String id) {
    return PATH + "/" + RemoteClient.encoded(id);
  }

  @Override
  public TaskRow state() {
    return row(client.get(path(id)));
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
