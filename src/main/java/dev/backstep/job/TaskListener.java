package dev.backstep.job;

import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Status;
import java.util.Optional;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.listener.JobExecutionListener;
import org.springframework.stereotype.Component;

/** Binds a job execution to its task, and records how it ended. */
@Component
public class TaskListener implements JobExecutionListener {

  private final Tasks tasks;
  private final TaskQueries queries;

  TaskListener(Tasks tasks, TaskQueries queries) {
    this.tasks = tasks;
    this.queries = queries;
  }

  /** The task that an execution with these parameters does. */
  public static String task(JobParameters parameters) {
    return String.valueOf(parameters.getString(TaskJob.PARAMETER));
  }

  @Override
  public void beforeJob(JobExecution execution) {
    LogFields.keepExecution(execution.getId());
    String id = task(execution.getJobParameters());
    tasks.executing(id, owner(id), execution.getId());
  }

  @Override
  public void afterJob(JobExecution execution) {
    String id = task(execution.getJobParameters());
    if (execution.getStatus() == BatchStatus.COMPLETED) {
      tasks.ended(id, owner(id), Status.COMPLETED, Optional.empty());
    } else if (execution.getStatus() == BatchStatus.STOPPED) {
      tasks.ended(id, owner(id), Status.STOPPED, Optional.empty());
    } else {
      Throwable failure = Failures.root(execution.getAllFailureExceptions());
      tasks.ended(id, owner(id), Status.FAILED, Optional.of(Failures.text(failure)));
    }
  }

  private long owner(String id) {
    return queries.find(id).orElseThrow().leaseToken().orElseThrow();
  }
}
