package dev.backstep.job;

import dev.backstep.domain.BootSettings;

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
}
