package dev.backstep.job;

import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A task that this process runs. */
record LocalTaskRun(String id, CountDownLatch ended, TaskQueries queries) implements TaskRun {

  @Override
  public TaskRow state() {
    return queries.find(id).orElseThrow();
  }

  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    return ended.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
  }
}
