package dev.backstep.domain;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Where a backup, a disk backup or a task stands. */
public enum Status {
  /** A backup that waits for a server to begin it, or to go on with it. */
  QUEUED,
  /** A disk backup that has not begun. */
  PENDING,
  RUNNING,
  COMPLETED,
  FAILED,
  /** Stopped by an operator or a shutdown; can be relaunched. */
  STOPPED,
  /** Given up: never relaunched, its partial images are gone. */
  ABANDONED,
  /** A restore point that is one no longer; files of it may be left. */
  DELETING,
  /** A restore point, or a disk backup, that was deleted with all its files. */
  DELETED;

  /** Those that a task can have. */
  public static final List<Status> OF_TASKS = List.of(RUNNING, COMPLETED, FAILED, STOPPED);

  /** The status of a task with this name, in small or capital letters; empty when it has none. */
  public static Optional<Status> ofTask(String word) {
    return OF_TASKS.stream().filter(one -> one.name().equalsIgnoreCase(word)).findFirst();
  }

  /** Its name in options of commands. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
