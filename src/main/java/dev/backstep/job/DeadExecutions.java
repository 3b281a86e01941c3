package dev.backstep.job;

import java.time.LocalDateTime;
import org.jspecify.annotations.Nullable;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.JobInstance;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.dao.OptimisticLockingFailureException;
import org.springframework.stereotype.Component;

/** Executions that no living process runs. Thread-safe. */
@Component
public class DeadExecutions {

  private static final int ATTEMPTS_MAX = 5;

  private final JobOperator operator;
  private final JobRepository repository;

  DeadExecutions(JobOperator operator, JobRepository repository) {
    this.operator = operator;
    this.repository = repository;
  }

  /**
   * Ends an execution that nobody runs any more. The framework's own recovery leaves UNKNOWN alone;
   * here it may be ended too, because a chunk that is done twice does no harm.
   */
  public void end(@Nullable JobExecution execution) {
    JobExecution dead = execution;
    for (int attempt = 1; dead != null; attempt++) {
      try {
        endOnce(dead);
        return;
      } catch (OptimisticLockingFailureException e) {
        if (attempt == ATTEMPTS_MAX) {
          throw e;
        }
        dead =
            repository.getJobExecution(dead.getId()); // somebody else has just ended a part of it
      }
    }
  }

  /**
   * Clears away a job instance without any execution: what a process leaves that dies between the
   * two, and what the framework would refuse to start for ever.
   */
  public void clearUnborn(String job, JobParameters parameters) {
    JobInstance instance = repository.getJobInstance(job, parameters);
    if (instance != null && repository.getLastJobExecution(job, parameters) == null) {
      repository.deleteJobInstance(instance);
    }
  }

  private void endOnce(JobExecution execution) {
    if (execution.isRunning()) {
      operator.recover(execution);
    }
    JobExecution current = repository.getJobExecution(execution.getId());
    if (current == null) {
      return;
    }
    for (StepExecution step : current.getStepExecutions()) {
      if (step.getStatus().isRunning() || step.getStatus() == BatchStatus.UNKNOWN) {
        step.setStatus(BatchStatus.FAILED);
        step.setEndTime(LocalDateTime.now());
        repository.update(step);
      }
    }
    if (current.isRunning() || current.getStatus() == BatchStatus.UNKNOWN) {
      current.setStatus(BatchStatus.FAILED);
      current.setEndTime(LocalDateTime.now());
      repository.update(current);
    }
  }
}
