package dev.backstep.job.replicate;

import dev.backstep.domain.Status;
import dev.backstep.job.ReplicationEvent;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.listener.JobExecutionListener;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Lets a run's snapshot go in this process, however the run ended. */
@Component
class ReplicaListener implements JobExecutionListener {

  private final ActiveReplications actives;
  private final ApplicationEventPublisher events;

  ReplicaListener(ActiveReplications actives, ApplicationEventPublisher events) {
    this.actives = actives;
    this.events = events;
  }

  @Override
  public void afterJob(JobExecution execution) {
    actives.close(TaskListener.task(execution.getJobParameters()));
    BatchStatus status = execution.getStatus();
    events.publishEvent(
        new ReplicationEvent.Ended(
            switch (status) {
              case COMPLETED -> Status.COMPLETED;
              case STOPPED -> Status.STOPPED;
              default -> Status.FAILED;
            }));
  }
}
