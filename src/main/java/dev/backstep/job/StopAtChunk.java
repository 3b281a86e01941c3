package dev.backstep.job;

import org.springframework.batch.core.job.JobInterruptedException;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.batch.core.step.StepInterruptionPolicy;

/**
 * Ends a step between chunks when it was asked to stop. A thread interrupt counts as such a
 * request: the framework's own policy would end the step as COMPLETED with the rest of the disk
 * missing.
 */
public final class StopAtChunk implements StepInterruptionPolicy {

  @Override
  public void checkInterrupted(StepExecution step) throws JobInterruptedException {
    if (Thread.currentThread().isInterrupted()) {
      step.setTerminateOnly();
    }
    if (step.isTerminateOnly()) {
      throw new JobInterruptedException("stopped between two chunks; relaunch goes on from here");
    }
  }
}
