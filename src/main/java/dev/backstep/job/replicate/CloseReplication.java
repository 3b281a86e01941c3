package dev.backstep.job.replicate;

import dev.backstep.backup.TargetException;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.job.TaskListener;
import java.util.List;
import java.util.function.Predicate;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;

/**
 * Lets the snapshot go when every target is complete: the marks of before are not needed any more,
 * the new ones are what the next run asks for. A disk that nothing was said about, or whose target
 * turned out wrong, fails the run now that the others are done.
 */
@Component("closeReplicationTasklet")
class CloseReplication implements Tasklet {

  private final ActiveReplications actives;
  private final ReplicaLeftovers leftovers;
  private final ReplicationQueries queries;

  CloseReplication(
      ActiveReplications actives, ReplicaLeftovers leftovers, ReplicationQueries queries) {
    this.actives = actives;
    this.leftovers = leftovers;
    this.queries = queries;
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext chunk)
      throws TargetException {
    String id = TaskListener.task(contribution.getStepExecution().getJobParameters());
    ActiveReplication active = actives.get(id);
    active.closeSnapshot();
    ReplicationRun run = queries.run(id).orElseThrow();
    leftovers.release(run, active.source());
    refuse(
        run,
        ReplicationRunDisk::differs,
        ": the target is not what the snapshot has, although all was written; look at its disk and"
            + " at who else writes to it. The next run copies it whole");
    refuse(
        run,
        disk -> disk.target().isEmpty(),
        ": the other disks are replicated, but nothing says where this one goes; name its target"
            + " in 'replicate: to', or leave it out with 'replicate: exclude'");
    return RepeatStatus.FINISHED;
  }

  private static void refuse(ReplicationRun run, Predicate<ReplicationRunDisk> wrong, String text)
      throws TargetException {
    List<String> keys =
        run.disks().stream().filter(wrong).map(disk -> disk.diskKey().value()).toList();
    if (!keys.isEmpty()) {
      throw new TargetException(
          (keys.size() == 1 ? "disk " : "disks ") + String.join(", ", keys) + text);
    }
  }
}
