package dev.backstep.job;

/** Runs of tasks without a thread, for tests of other packages. */
public final class TaskRuns {

  private TaskRuns() {}

  /** As if this process had launched it. */
  public static AutoCloseable begin(RunningTasks running, String id, long leaseToken) {
    RunningTasks.Run run = running.begin(id, leaseToken);
    return () -> running.end(run);
  }
}
