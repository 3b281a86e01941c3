package dev.backstep.job;

import dev.backstep.catalog.TaskRow;
import java.time.Duration;

/** A task that runs, or ran, here or in a server. Safe for use by many threads. */
public interface TaskRun {

  /** Its id. */
  String id();

  /** Where it stands. */
  TaskRow state();

  /**
   * Waits for the end.
   *
   * @return whether it has ended within the time
   */
  boolean await(Duration timeout) throws InterruptedException;
}
