package dev.backstep.job;

import dev.backstep.catalog.Launch;
import dev.backstep.domain.BackupId;
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
   * Puts a backup in the queue, from which one of the servers takes it. For a schedule it touches
   * neither source nor repository where it can: one that hangs must not hold up other fires.
   *
   * @param launch who asked for it, and when it may begin; the source's host is found when empty
   * @return its id; its row is there
   * @throws OperatorException BUSY when a backup of this VM runs or waits already; USAGE when the
   *     definition cannot work here
   */
  BackupId enqueue(JobDefinition definition, RequestedLevel level, Launch launch);

  /**
   * Puts a failed or stopped backup in the queue, from which one of the servers takes it to go on
   * as {@link #relaunch} does, whatever its window.
   *
   * @param caller who asked for it
   * @return its id
   * @throws OperatorException NOT_FOUND; BUSY when it, or another backup of its VM, runs or waits,
   *     or its repository is locked; FAILED when it is completed or abandoned, or cannot work here
   */
  BackupId requeue(String id, String caller);

  /**
   * Takes a queued, failed or stopped backup for this process. {@link #begin} must follow, after
   * the surrounding transaction, if any, has ended.
   *
   * @return false when it does not wait any more, something else has its VM, or an earlier run of
   *     it has not ended in this process
   */
  boolean take(BackupId id);

  /**
   * Runs a backup that was taken, from its last committed chunk where it has one.
   *
   * @throws OperatorException FAILED, as the backup is then, when its repository or source cannot
   *     be opened
   */
  BackupRun begin(BackupId id);

  /**
   * Says that a backup which was taken will not be begun by this process after all: {@link
   * #recoverBackups} may take it for one whose process died.
   */
  void drop(BackupId id);

  /**
   * Continues a failed or stopped backup from its last committed chunk, in this process and at
   * once, with the definition that it was started with.
   *
   * @throws OperatorException NOT_FOUND; BUSY when it runs, here or elsewhere; FAILED when it is
   *     completed or abandoned
   */
  BackupRun relaunch(String id);

  /**
   * Asks a running backup, here or in another process, to stop at its next chunk; one that is
   * queued is taken out of the queue, and one that failed or stopped is not gone on with by itself.
   * Returns without waiting for it.
   *
   * @throws OperatorException NOT_FOUND; FAILED when it neither runs nor waits; BUSY when it has
   *     only just begun, or is about to end: ask again
   */
  void stop(String id);

  /**
   * Gives a failed or stopped backup up: it is never relaunched, its partial images are deleted.
   *
   * @throws OperatorException NOT_FOUND; BUSY when it runs; FAILED when it is completed
   */
  void abandon(String id);

  /**
   * Makes a backup whose process died relaunchable, and ends an execution whose end Batch does not
   * know, whatever has become of its backup; does nothing where a backup is relaunchable already.
   *
   * @param force ends an UNKNOWN execution also when the process that ran it is alive, which then
   *     works on something else; what is RUNNING under a live lease is never taken
   * @throws OperatorException NOT_FOUND; BUSY when its owner lives; FAILED when it is completed or
   *     abandoned and its execution's end is known
   */
  void recover(String id, boolean force);

  /**
   * Makes backups relaunchable whose process has died since. Asks no source. Servers call it every
   * few seconds; those of their own backups then go on.
   */
  void recoverBackups();

  /**
   * Lets snapshots go that nobody will take up again: past their keep time, or of a restore point
   * whose process died before it did so. Asks sources, so it takes as long as they do; one that
   * cannot be asked is tried again after minutes.
   */
  void closeSnapshots();

  /**
   * Puts right what processes that died have left: executions that nobody runs, child processes. To
   * be called when a program starts, before it launches anything; {@link #closeSnapshots} belongs
   * behind it, in a server beside everything else.
   */
  void recoverDead();
}
