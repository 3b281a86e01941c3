package dev.backstep.job;

import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Status;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.listener.JobExecutionListener;
import org.springframework.stereotype.Component;

/**
 * Binds a job execution to its task, and records how it ended, under the lease that it was launched
 * with: one that was taken over meanwhile is another's to end.
 */
@Component
public class TaskListener implements JobExecutionListener {

  private static final Logger log = LoggerFactory.getLogger(TaskListener.class);

  private final Tasks tasks;
  private final RunningTasks running;
  private final TaskEnds ends;

  TaskListener(Tasks tasks, RunningTasks running, TaskEnds ends) {
    this.tasks = tasks;
    this.running = running;
    this.ends = ends;
  }

  /** The task that an execution with these parameters does. */
  public static String task(JobParameters parameters) {
    return String.valueOf(parameters.getString(TaskJob.PARAMETER));
  }

  @Override
  public void beforeJob(JobExecution execution) {
    LogFields.keepExecution(execution.getId());
    String id = task(execution.getJobParameters());
    tasks.executing(id, running.leaseToken(id), execution.getId());
  }

  @Override
  public void afterJob(JobExecution execution) {
    String id = task(execution.getJobParameters());
    long lease = running.leaseToken(id);
    boolean ours =
        switch (execution.getStatus()) {
          case COMPLETED -> ends.ended(id, lease, Status.COMPLETED, Optional.empty());
          case STOPPED -> ends.ended(id, lease, Status.STOPPED, Optional.empty());
          default ->
              ends.ended(
                  id,
                  lease,
                  Status.FAILED,
                  Optional.of(Failures.text(Failures.root(execution.getAllFailureExceptions()))));
        };
    if (!ours) {
      log.warn("{}: was taken over meanwhile; this run of it counts for nothing", id);
    }
  }
}
