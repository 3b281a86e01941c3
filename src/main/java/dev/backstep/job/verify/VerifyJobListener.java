package dev.backstep.job.verify;

import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.Verifications;
import dev.backstep.domain.Status;
import dev.backstep.job.Failures;
import dev.backstep.job.LogFields;
import java.util.Optional;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.listener.JobExecutionListener;
import org.springframework.stereotype.Component;

/** Binds a job execution to its verification, and records how it ended. */
@Component
class VerifyJobListener implements JobExecutionListener {

  private final Verifications verifications;
  private final VerificationQueries queries;

  VerifyJobListener(Verifications verifications, VerificationQueries queries) {
    this.verifications = verifications;
    this.queries = queries;
  }

  static String id(JobParameters parameters) {
    return String.valueOf(parameters.getString(VerifyConfiguration.JOB));
  }

  @Override
  public void beforeJob(JobExecution execution) {
    LogFields.keepExecution(execution.getId());
    String id = id(execution.getJobParameters());
    verifications.executing(id, owner(id), execution.getId());
  }

  @Override
  public void afterJob(JobExecution execution) {
    String id = id(execution.getJobParameters());
    if (execution.getStatus() == BatchStatus.COMPLETED) {
      verifications.ended(id, owner(id), Status.COMPLETED, Optional.empty());
    } else if (execution.getStatus() == BatchStatus.STOPPED) {
      verifications.ended(id, owner(id), Status.STOPPED, Optional.empty());
    } else {
      Throwable failure = Failures.root(execution.getAllFailureExceptions());
      verifications.ended(id, owner(id), Status.FAILED, Optional.of(Failures.text(failure)));
    }
  }

  private long owner(String id) {
    return queries.find(id).orElseThrow().leaseToken().orElseThrow();
  }
}
