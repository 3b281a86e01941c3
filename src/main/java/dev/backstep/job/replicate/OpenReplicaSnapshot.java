package dev.backstep.job.replicate;

import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.catalog.Replications;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.ReplicationDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.JobSettings;
import dev.backstep.job.TaskListener;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;

/**
 * Opens the one snapshot that all disks of a run are read from. A relaunch takes up the snapshot of
 * the run before; where that cannot be shown to hold the same moment, every disk is brought to a
 * new one.
 */
@Component("openReplicaSnapshotTasklet")
class OpenReplicaSnapshot implements Tasklet {

  private static final Logger log = LoggerFactory.getLogger(OpenReplicaSnapshot.class);

  private static final Duration RELEASE_MAX = Duration.ofMinutes(5);
  private static final Duration RELEASE_PAUSE = Duration.ofMillis(250);

  private final ActiveReplications actives;
  private final Replications replications;
  private final ReplicationQueries queries;
  private final ReplicaLeftovers leftovers;
  private final Duration keep;

  OpenReplicaSnapshot(
      ActiveReplications actives,
      Replications replications,
      ReplicationQueries queries,
      ReplicaLeftovers leftovers,
      JobSettings settings) {
    this.actives = actives;
    this.replications = replications;
    this.queries = queries;
    this.leftovers = leftovers;
    this.keep = settings.snapshotKeep();
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext chunk)
      throws IOException {
    String id = TaskListener.task(contribution.getStepExecution().getJobParameters());
    ReplicationRun run = queries.run(id).orElseThrow();
    Optional<String> released = leftovers.released(run);
    if (released.isPresent()) {
      await(contribution.getStepExecution(), released.get());
      return RepeatStatus.CONTINUABLE;
    }
    ActiveReplication active = actives.open(id);
    if (!isDone(run) && !reattached(active, run)) {
      openNew(active, run);
    }
    return RepeatStatus.FINISHED;
  }

  /** What clears up after an earlier run would take the new snapshot, or its marks, for old. */
  private static void await(StepExecution step, String released) throws IOException {
    LocalDateTime begun = Objects.requireNonNull(step.getStartTime());
    if (Duration.between(begun, LocalDateTime.now(ZoneId.systemDefault())).compareTo(RELEASE_MAX)
        > 0) {
      throw new IOException(
          released
              + " of this VM has not let its snapshot go in "
              + RELEASE_MAX.toMinutes()
              + " minutes; look at the logs of the servers and at the source, then relaunch this"
              + " one");
    }
    try {
      Thread.sleep(RELEASE_PAUSE);
    } catch (InterruptedException e) {
      throw new InterruptedIOException("interrupted while " + released + " lets its snapshot go");
    }
  }

  /** Whether only the end is left, which needs no snapshot. */
  private static boolean isDone(ReplicationRun run) {
    boolean copied =
        !run.disks().isEmpty()
            && run.disks().stream()
                .allMatch(disk -> disk.status() == Status.COMPLETED || disk.target().isEmpty());
    boolean differs = run.disks().stream().anyMatch(ReplicationRunDisk::differs);
    return copied && (!run.verify() || differs);
  }

  private boolean reattached(ActiveReplication active, ReplicationRun run) throws SourceException {
    if (run.snapshotHandle().isEmpty()) {
      return false;
    }
    try {
      Snapshot snapshot =
          active.source().reattach(request(active, run), run.snapshotHandle().get());
      active.snapshotOpened(snapshot);
      log.info("{}: took up the snapshot of {}", run.id(), snapshot.takenAt());
      return true;
    } catch (SnapshotGoneException e) {
      log.warn("{}: every disk is brought to a new moment: {}", run.id(), e.getMessage());
      return false;
    }
  }

  private void openNew(ActiveReplication active, ReplicationRun run)
      throws SourceException, FencedException {
    // First, for it locks the task's row until this step commits: nobody takes it over meanwhile.
    replications.forgetDisks(run.id(), active.leaseToken());
    Snapshot snapshot = active.source().snapshot(request(active, run));
    active.snapshotOpened(snapshot);
    replications.snapshotOpened(
        run.id(),
        active.leaseToken(),
        snapshot.handle(),
        snapshot.takenAt(),
        Instant.now().plus(keep));
    ReplicationDefinition replication = active.definition().replication().orElseThrow();
    int number = 0;
    for (SourceDisk disk : snapshot.disks()) {
      replications.addDisk(
          run.id(), number, disk.key(), replication.target(disk.key()), disk.sizeBytes());
      number++;
    }
  }

  private SnapshotRequest request(ActiveReplication active, ReplicationRun run) {
    Map<DiskKey, ChangeId> since = new HashMap<>();
    for (ReplicaDisk replica : queries.replicas(run.vmPath())) {
      replica.changeId().ifPresent(changeId -> since.put(replica.diskKey(), changeId));
    }
    Set<DiskKey> exclude = new HashSet<>(active.definition().exclude());
    exclude.addAll(active.definition().replication().orElseThrow().exclude());
    return new SnapshotRequest(run.replication(), new BackupId(run.id()), since, exclude);
  }
}
