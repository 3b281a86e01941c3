package dev.backstep.domain;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What a task does. A task is a Batch job that is no backup. */
public enum TaskKind {
  VERIFY,
  RESTORE,
  PRUNE,
  MERGE,
  TEST,
  COPY,
  REPLICATE,
  CHECK;

  /** Its name in ids, commands and answers. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The kind with this name; empty when there is none. */
  public static Optional<TaskKind> ofWord(String word) {
    return Arrays.stream(values()).filter(kind -> kind.word().equals(word)).findFirst();
  }

  /** The kind of the task with this id; empty when it is no task's: ids of backups are not. */
  public static Optional<TaskKind> ofId(String id) {
    int dash = id.indexOf('-');
    return dash < 0 ? Optional.empty() : ofWord(id.substring(0, dash));
  }
}
