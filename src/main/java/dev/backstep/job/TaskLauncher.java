package dev.backstep.job;

import dev.backstep.catalog.SupersededException;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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

  private final JobOperator operator;
  private final JobRepository repository;
  private final Map<TaskKind, Job> jobs;
  private final Tasks tasks;
  private final TaskQueries queries;
  private final ProcessLease lease;
  private final DeadExecutions dead;
  private final Duration stopTimeout;

  /** What runs in this process, until it has ended. */
  private final Map<String, CountDownLatch> running = new ConcurrentHashMap<>();

  private volatile boolean started;

  TaskLauncher(
      JobOperator operator,
      JobRepository repository,
      List<TaskJob> jobs,
      Tasks tasks,
      TaskQueries queries,
      ProcessLease lease,
      DeadExecutions dead,
      JobSettings settings) {
    this.operator = operator;
    this.repository = repository;
    this.jobs = jobs.stream().collect(Collectors.toMap(TaskJob::kind, TaskJob::job));
    this.tasks = tasks;
    this.queries = queries;
    this.lease = lease;
    this.dead = dead;
    this.stopTimeout = settings.stopTimeout();
  }

  @Override
  public TaskRun launch(String id) {
    return run(row(id), null);
  }

  @Override
  public TaskRun relaunch(String id) {
    recoverDead();
    TaskRow row = row(id);
    if (!resume(id)) {
      throw Refusals.notRelaunched(id, row.status());
    }
    JobExecution last = lastExecution(row);
    dead.end(last);
    if (isDone(last)) {
      tasks.ended(id, lease.token(), Status.COMPLETED, Optional.empty());
      return new LocalTaskRun(id, new CountDownLatch(0), queries);
    }
    return run(row, last);
  }

  private boolean resume(String id) {
    try {
      return tasks.resume(id, lease.token());
    } catch (VmBusyException e) {
      throw OperatorException.busy(e.getMessage(), e);
    } catch (SupersededException e) {
      throw OperatorException.conflict(e.getMessage(), e);
    }
  }

  private TaskRun run(TaskRow task, @Nullable JobExecution last) {
    CountDownLatch ended = new CountDownLatch(1);
    running.put(task.id(), ended);
    Thread.ofPlatform().name(task.id()).start(() -> execute(task, last, ended));
    return new LocalTaskRun(task.id(), ended, queries);
  }

  private void execute(TaskRow task, @Nullable JobExecution last, CountDownLatch ended) {
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
      tasks.ended(task.id(), lease.token(), Status.FAILED, Optional.of(Failures.text(e)));
    } finally {
      running.remove(task.id());
      ended.countDown();
    }
  }

  @Override
  public void stop(String id) {
    TaskRow row = row(id);
    JobExecution execution = lastExecution(row);
    if (row.status() != Status.RUNNING || execution == null || !ask(execution)) {
      throw OperatorException.conflict(id + " is " + row.status() + " and cannot be stopped", null);
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
    for (TaskRow row : queries.dead()) {
      try {
        recover(row);
      } catch (RuntimeException e) {
        log.error(
            "{}: cannot be recovered: {}", row.id(), Failures.text(Failures.root(List.of(e))));
      }
    }
  }

  /** Its row ends even where its execution cannot be read: nothing may wait for it for ever. */
  private void recover(TaskRow row) {
    boolean done = false;
    try {
      JobExecution last = lastExecution(row);
      dead.end(last);
      done = isDone(last);
    } finally {
      if (row.leaseToken().isPresent()) {
        tasks.ended(
            row.id(),
            row.leaseToken().getAsLong(),
            done ? Status.COMPLETED : Status.FAILED,
            done
                ? Optional.empty()
                : Optional.of("the process that ran it ended without finishing; relaunch it"));
      }
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
    Map<String, CountDownLatch> stopping = Map.copyOf(running);
    for (String id : stopping.keySet()) {
      JobExecution execution = lastExecution(row(id));
      if (execution != null) {
        ask(execution);
      }
    }
    long deadline = System.nanoTime() + stopTimeout.toNanos();
    for (Map.Entry<String, CountDownLatch> one : stopping.entrySet()) {
      try {
        if (!one.getValue().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          log.error("{} did not stop within {}; relaunch it", one.getKey(), stopTimeout);
        }
      } catch (InterruptedException e) {
        log.error("interrupted while {} was stopping; relaunch it", one.getKey(), e);
      }
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
