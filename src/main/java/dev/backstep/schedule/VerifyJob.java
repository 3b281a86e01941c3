package dev.backstep.schedule;

import org.quartz.DisallowConcurrentExecution;
import org.quartz.Job;
import org.quartz.JobExecutionContext;

/**
 * Looks, every minute on one of the servers, whether images are to be verified or restore points to
 * be booted.
 */
@DisallowConcurrentExecution
final class VerifyJob implements Job {

  private final Verifier verifier;
  private final RestoreTester tester;

  VerifyJob(Verifier verifier, RestoreTester tester) {
    this.verifier = verifier;
    this.tester = tester;
  }

  @Override
  public void execute(JobExecutionContext context) {
    verifier.round();
    tester.round();
  }
}
