package dev.backstep.job;

import dev.backstep.domain.BootSettings;
import dev.backstep.domain.RunSettings;

/** Starts restore tests; they are tasks from then on. Safe for use by many threads. */
public interface RestoreTestJobs {

  /**
   * Boots a restore point in this process, in a machine of its own that is thrown away.
   *
   * @param id a backup's
   * @throws OperatorException NOT_FOUND when there is no such backup; FAILED when it is no restore
   *     point
   */
  TaskRun boot(String id, BootSettings settings);

  /**
   * Runs a command where a restore point's files are mounted.
   *
   * @param id a backup's
   * @throws OperatorException as {@link #boot}
   */
  TaskRun run(String id, RunSettings settings);
}
