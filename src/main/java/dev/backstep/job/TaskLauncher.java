package dev.backstep.job;

import dev.backstep.catalog.Leases;
import dev.backstep.catalog.SupersededException;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.launch.JobExecutionNotRunningException;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/** Launches, relaunches, stops and recovers tasks by the job operator's verbs. */
@Component
class TaskLauncher implements TaskJobs, SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(TaskLauncher.class);

  /** More than there is between a task's row and the thread that runs it. */
  private static final Duration LAUNCH_MAX = Duration.ofSeconds(30);

  private final JobOperator operator;
  private final JobRepository repository;
  private final Map<TaskKind, Job> jobs;
  private final Tasks tasks;
  private final TaskQueries queries;
  private final ProcessLease lease;
  private final DeadExecutions dead;
  private final Leases leases;
  private final RunningTasks running;
  private final TaskEnds ends;
  private final Duration stopTimeout;

  private volatile boolean started;

  TaskLauncher(
      JobOperator operator,
      JobRepository repository,
      List<TaskJob> jobs,
      Tasks tasks,
      TaskQueries queries,
      ProcessLease lease,
      DeadExecutions dead,
      Leases leases,
      RunningTasks running,
      TaskEnds ends,
      JobSettings settings) {
    this.operator = operator;
    this.repository = repository;
    this.jobs = jobs.stream().collect(Collectors.toMap(TaskJob::kind, TaskJob::job));
    this.tasks = tasks;
    this.queries = queries;
    this.lease = lease;
    this.dead = dead;
    this.leases = leases;
    this.running = running;
    this.ends = ends;
    this.stopTimeout = settings.stopTimeout();
  }

  @Override
  public TaskRun launch(String id) {
    RunningTasks.Run run = running.begin(id, lease.token());
    return orFailed(run, () -> run(row(id), run, null));
  }

  @Override
  public TaskRun relaunch(String id) {
    recoverDead();
    TaskRow row = row(id);
    RunningTasks.Run run = running.begin(id, lease.token());
    try {
      if (!tasks.resume(id, run.leaseToken())) {
        throw Refusals.notRelaunched(id, row.status());
      }
    } catch (VmBusyException e) {
      running.end(run);
      throw OperatorException.busy(e.getMessage(), e);
    } catch (SupersededException e) {
      running.end(run);
      throw OperatorException.conflict(e.getMessage(), e);
    } catch (RuntimeException e) {
      running.end(run);
      throw e;
    }
    return orFailed(run, () -> goOn(row, run));
  }

  private TaskRun goOn(TaskRow row, RunningTasks.Run run) {
    JobExecution last = lastExecution(row);
    dead.end(last);
    if (isDone(last)) {
      ends.ended(row.id(), run.leaseToken(), Status.COMPLETED, Optional.empty());
      running.end(run);
      return new LocalTaskRun(row.id(), run.ended(), queries);
    }
    return run(row, run, last);
  }

  /** A row that is RUNNING from here on must not stay so without a thread. */
  private TaskRun orFailed(RunningTasks.Run run, Supplier<TaskRun> beginning) {
    try {
      return beginning.get();
    } catch (RuntimeException e) {
      tryFailed(run, e);
      running.end(run);
      throw e;
    }
  }

  private TaskRun run(TaskRow task, RunningTasks.Run run, @Nullable JobExecution last) {
    Thread.ofPlatform().name(task.id()).start(() -> execute(task, run, last));
    return new LocalTaskRun(task.id(), run.ended(), queries);
  }

  private void execute(TaskRow task, RunningTasks.Run run, @Nullable JobExecution last) {
    try {
      if (last == null) {
        Job job = job(task);
        dead.clearUnborn(job.getName(), parameters(task));
        operator.start(job, parameters(task));
      } else {
        operator.restart(last);
      }
    } catch (Exception e) {
      log.error("{} could not be launched", task.id(), e);
      tryFailed(run, e);
    } finally {
      running.end(run);
    }
  }

  /** Where not even that can be noted, the row is found by {@link #recoverDead}. */
  private void tryFailed(RunningTasks.Run run, Exception cause) {
    try {
      ends.ended(run.id(), run.leaseToken(), Status.FAILED, Optional.of(Failures.text(cause)));
    } catch (RuntimeException e) {
      log.error("{}: the database did not take that it failed: {}", run.id(), e.getMessage());
    }
  }

  @Override
  public void stop(String id) {
    TaskRow row = row(id);
    if (row.status() != Status.RUNNING) {
      throw OperatorException.conflict(id + " is " + row.status() + " and cannot be stopped", null);
    }
    JobExecution execution = lastExecution(row);
    if (execution == null || !ask(execution)) {
      throw Refusals.beginsOrEnds(id);
    }
  }

  private boolean ask(JobExecution execution) {
    try {
      return operator.stop(execution);
    } catch (JobExecutionNotRunningException e) {
      return false; // it has ended by itself
    }
  }

  @Override
  public void recoverDead() {
    for (TaskRow row : queries.running()) {
      if (isDead(row) || isDropped(row)) {
        apart(row, () -> recover(row));
      }
    }
    for (TaskRow row : queries.endedButUnfinished()) {
      if (isDead(row) || holds(row) && !running.has(row.id())) {
        apart(row, () -> dead.end(execution(row)));
      }
    }
  }

  private boolean isDead(TaskRow row) {
    return row.leaseToken().isEmpty() || !leases.alive(row.leaseToken().getAsLong());
  }

  private boolean holds(TaskRow row) {
    return row.leaseToken().isPresent() && lease.holds(row.leaseToken().getAsLong());
  }

  /**
   * Ours, and no thread of ours runs it: the database was away at its end, or between its beginning
   * and its launch. One that has begun just now is on its way to a thread.
   */
  private boolean isDropped(TaskRow row) {
    return holds(row)
        && !running.has(row.id())
        && row.createdAt().isBefore(Instant.now().minus(LAUNCH_MAX));
  }

  private static void apart(TaskRow row, Runnable recovery) {
    try {
      recovery.run();
    } catch (RuntimeException e) {
      log.error("{}: cannot be recovered: {}", row.id(), Failures.text(Failures.root(List.of(e))));
    }
  }

  /** One of this process is reserved meanwhile: relaunched under the same lease, it looks alike. */
  private void recover(TaskRow row) {
    if (!holds(row)) {
      end(row);
      return;
    }
    Optional<RunningTasks.Run> reserved = running.tryBegin(row.id(), lease.token());
    if (reserved.isPresent()) {
      try {
        TaskRow now = row(row.id());
        if (now.status() == Status.RUNNING && holds(now)) {
          end(now);
        }
      } finally {
        running.end(reserved.get());
      }
    }
  }

  /**
   * Its row ends first, and even where its execution cannot be read: nothing may wait for it for
   * ever. The execution is the one that was read before: a relaunch that comes in between has one
   * of its own.
   */
  private void end(TaskRow row) {
    @Nullable JobExecution last = null;
    boolean ended = row.leaseToken().isEmpty();
    try {
      last = lastExecution(row);
    } finally {
      boolean done = isDone(last);
      if (row.leaseToken().isPresent()) {
        ended =
            ends.ended(
                row.id(),
                row.leaseToken().getAsLong(),
                done ? Status.COMPLETED : Status.FAILED,
                done
                    ? Optional.empty()
                    : Optional.of("the process that ran it ended without finishing; relaunch it"));
      }
    }
    if (ended) {
      dead.end(last);
    }
  }

  /** The framework stores that before it calls listeners; a process may die between the two. */
  private static boolean isDone(@Nullable JobExecution last) {
    return last != null && last.getStatus() == BatchStatus.COMPLETED;
  }

  private TaskRow row(String id) {
    return queries
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(id + ": no such task; `backstep tasks` shows the tasks"));
  }

  private Job job(TaskRow task) {
    Job job = jobs.get(task.kind());
    if (job == null) {
      throw new IllegalStateException("no job does what " + task.id() + " asks for");
    }
    return job;
  }

  private @Nullable JobExecution lastExecution(TaskRow task) {
    return repository.getLastJobExecution(job(task).getName(), parameters(task));
  }

  private @Nullable JobExecution execution(TaskRow task) {
    return repository.getJobExecution(task.executionId().orElseThrow());
  }

  private static JobParameters parameters(TaskRow task) {
    return new JobParametersBuilder()
        .addString(TaskJob.PARAMETER, task.id(), true)
        .toJobParameters();
  }

  // What runs is stopped, and waited for, before the database goes.

  @Override
  public void start() {
    recoverDead();
    started = true;
  }

  @Override
  public void stop() {
    started = false;
    Collection<RunningTasks.Run> stopping = running.all();
    stopping.forEach(this::tryAsk);
    long deadline = System.nanoTime() + stopTimeout.toNanos();
    for (RunningTasks.Run run : stopping) {
      try {
        if (!run.ended().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          log.error("{} did not stop within {}; relaunch it", run.id(), stopTimeout);
        }
      } catch (InterruptedException e) {
        log.error("interrupted while {} was stopping; relaunch it", run.id(), e);
      }
    }
  }

  /** One that cannot be asked, as where the database is away, keeps no other from being asked. */
  private void tryAsk(RunningTasks.Run run) {
    try {
      JobExecution execution = lastExecution(row(run.id()));
      if (execution != null) {
        ask(execution);
      }
    } catch (RuntimeException e) {
      log.error("{} was not asked to stop: {}", run.id(), e.getMessage());
    }
  }

  @Override
  public boolean isRunning() {
    return started;
  }

  @Override
  public int getPhase() {
    return Integer.MAX_VALUE - 1;
  }
}
