package dev.backstep.job;

/** Tasks as operators command them, whatever they do. Safe for use by many threads. */
public interface TaskJobs {

  /**
   * Runs in this process a task that has just begun under this process's lease.
   *
   * @param id as {@link dev.backstep.catalog.Tasks#begin} gave it
   */
  TaskRun launch(String id);

  /**
   * Goes on with one that failed or was stopped, or whose process is gone, where it stopped.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it runs or is completed, or is a restore and
   *     a newer one was begun onto its targets; BUSY when something else reads the disks that it is
   *     about, or an earlier run of it in this process has not given up yet
   */
  TaskRun relaunch(String id);

  /**
   * Asks one to stop after the part that it is doing, in whatever process it runs.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it does not run; BUSY when it has only just
   *     begun, or is about to end: ask again
   */
  void stop(String id);

  /**
   * Ends those whose process is gone, and those of this process that no thread of it runs, so that
   * they can be relaunched; likewise Batch executions of tasks that have ended.
   */
  void recoverDead();
}
