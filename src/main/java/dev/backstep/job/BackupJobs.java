package dev.backstep.job;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;

/**
 * The verbs on backups: what the command line, schedules and the REST API call. Safe for use by
 * many threads. Ids are those of {@link dev.backstep.domain.BackupId}.
 */
public interface BackupJobs {

  /**
   * Starts a backup and returns as soon as it runs.
   *
   * @param level overrides the definition's level
   * @throws OperatorException BUSY when a backup of this VM runs already or its repository is
   *     locked; USAGE when the definition cannot work here
   */
  BackupRun launch(JobDefinition definition, RequestedLevel level);

  /**
   * Continues a failed or stopped backup from its last committed chunk, with the definition that it
   * was started with.
   *
   * @throws OperatorException NOT_FOUND; BUSY when it runs, here or elsewhere; FAILED when it is
   *     completed or abandoned
   */
  BackupRun relaunch(String id);

  /**
   * Asks a running backup, here or in another process, to stop at its next chunk. Returns without
   * waiting for it.
   *
   * @throws OperatorException NOT_FOUND; FAILED when it does not run
   */
  void stop(String id);

  /**
   * Gives a failed or stopped backup up: it is never relaunched, its partial images are deleted.
   *
   * @throws OperatorException NOT_FOUND; BUSY when it runs; FAILED when it is completed
   */
  void abandon(String id);

  /**
   * Makes a backup whose process died relaunchable; does nothing where it is already.
   *
   * @param force changes nothing: an end that is unknown to the database is recovered with and
   *     without it, and a live lease is never taken
   * @throws OperatorException NOT_FOUND; BUSY when its owner lives; FAILED when it is completed or
   *     abandoned
   */
  void recover(String id, boolean force);

  /**
   * Puts right what processes that died have left: executions that nobody runs, child processes,
   * snapshots past their keep time. To be called when a program starts, before it launches
   * anything.
   */
  void recoverDead();
}
