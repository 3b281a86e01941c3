package dev.backstep.schedule;

import org.quartz.DisallowConcurrentExecution;
import org.quartz.Job;
import org.quartz.JobExecutionContext;

/** Looks, every minute on one of the servers, whether images are to be verified. */
@DisallowConcurrentExecution
final class VerifyJob implements Job {

  private final Verifier verifier;

  VerifyJob(Verifier verifier) {
    this.verifier = verifier;
  }

  @Override
  public void execute(JobExecutionContext context) {
    verifier.round();
  }
}
