package dev.backstep.job.replicate;

import dev.backstep.catalog.Replicas;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.domain.Status;
import dev.backstep.job.ReplicationEvent;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.ExitStatus;
import org.springframework.batch.core.listener.StepExecutionListener;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Records in the catalog how a disk's partition ended when it was not completed. */
@Component
class ReplicaStepListener implements StepExecutionListener {

  private final Replicas replicas;
  private final ReplicationQueries queries;
  private final ApplicationEventPublisher events;

  ReplicaStepListener(
      Replicas replicas, ReplicationQueries queries, ApplicationEventPublisher events) {
    this.replicas = replicas;
    this.queries = queries;
    this.events = events;
  }

  @Override
  public ExitStatus afterStep(StepExecution step) {
    String run = TaskListener.task(step.getJobParameters());
    int number = ReplicaPartitions.number(step.getStepName());
    if (step.getStatus() != BatchStatus.COMPLETED) {
      boolean stopped = step.getStatus() == BatchStatus.STOPPED;
      replicas.diskEnded(run, number, stopped ? Status.STOPPED : Status.FAILED);
    }
    queries.run(run).orElseThrow().disks().stream()
        .filter(disk -> disk.number() == number)
        .forEach(disk -> events.publishEvent(new ReplicationEvent.DiskEnded(disk)));
    return step.getExitStatus();
  }
}
