package dev.backstep.schedule;

import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;

/** No task has died, and none is to be launched. */
final class NoTasks implements TaskJobs {

  boolean recoveryFails;

  @Override
  public TaskRun launch(String id) {
    throw new AssertionError(id);
  }

  @Override
  public TaskRun relaunch(String id) {
    throw new AssertionError(id);
  }

  @Override
  public void stop(String id) {
    throw new AssertionError(id);
  }

  @Override
  public void recoverDead() {
    if (recoveryFails) {
      throw new IllegalStateException("a fault");
    }
  }
}
