package dev.backstep.job;

/** Starts restores; they are tasks from then on. Safe for use by many threads. */
public interface RestoreJobs {

  /**
   * Launches one in this process, which writes the files.
   *
   * @throws OperatorException NOT_FOUND when there is no such restore point or disk; USAGE when
   *     what is asked for contradicts itself; FAILED when a target cannot take its disk; BUSY when
   *     another restore is writing to one: nothing is written then
   */
  TaskRun restore(RestoreRequest request);
}
