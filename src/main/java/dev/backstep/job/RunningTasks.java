package dev.backstep.job;

import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.Tasks;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;

/**
 * The tasks that this process runs, each under the lease that it was launched with. A run that
 * slept until it was taken over must not ask the catalog for its lease: it would be told the one of
 * whoever runs the task by then. Thread-safe.
 */
@Component
public class RunningTasks {

  /** A row ends a moment before the thread that ran it. */
  private static final Duration END_MAX = Duration.ofSeconds(10);

  /**
   * One run of a task.
   *
   * @param ended opens when its thread has done with it
   */
  record Run(String id, long leaseToken, CountDownLatch ended) {}

  private final Map<String, Run> runs = new ConcurrentHashMap<>();
  private final Tasks tasks;

  RunningTasks(Tasks tasks) {
    this.tasks = tasks;
  }

  /**
   * Adds a run; {@link #end} takes it away. Waits a little for an earlier one that is just ending.
   *
   * @throws OperatorException BUSY when the earlier one does not
   */
  Run begin(String id, long leaseToken) {
    Run run = new Run(id, leaseToken, new CountDownLatch(1));
    long end = System.nanoTime() + END_MAX.toNanos();
    for (Run earlier = runs.putIfAbsent(id, run);
        earlier != null;
        earlier = runs.putIfAbsent(id, run)) {
      if (!isOver(earlier, end)) {
        throw OperatorException.busy(
            id
                + ": an earlier run of it is still at work in this process; wait until it gives up,"
                + " then relaunch the task",
            null);
      }
    }
    return run;
  }

  /** As {@link #begin}, without waiting; empty when this process runs it. */
  Optional<Run> tryBegin(String id, long leaseToken) {
    Run run = new Run(id, leaseToken, new CountDownLatch(1));
    return runs.putIfAbsent(id, run) == null ? Optional.of(run) : Optional.empty();
  }

  private static boolean isOver(Run run, long end) {
    try {
      return run.ended().await(end - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      return false; // whoever interrupts does not want to wait
    }
  }

  void end(Run run) {
    runs.remove(run.id(), run);
    run.ended().countDown();
  }

  boolean has(String id) {
    return runs.containsKey(id);
  }

  Collection<Run> all() {
    return List.copyOf(runs.values());
  }

  /**
   * The lease that this process runs a task under.
   *
   * @throws IllegalStateException when it does not run it
   */
  public long leaseToken(String id) {
    @Nullable Run run = runs.get(id);
    if (run == null) {
      throw new IllegalStateException(id + " does not run in this process; relaunch it");
    }
    return run.leaseToken();
  }

  /**
   * Locks a task's row until the surrounding transaction ends: the first thing that each
   * transaction of its job does, unless it writes for long and asks with {@link #check}.
   *
   * @throws FencedException when somebody else runs it by now, or nobody
   */
  public void lock(String id) throws FencedException {
    tasks.lock(id, leaseToken(id));
  }

  /**
   * Asks whether a task is this process's at this moment.
   *
   * @throws FencedException when it is not
   */
  public void check(String id) throws FencedException {
    tasks.check(id, leaseToken(id));
  }
}
