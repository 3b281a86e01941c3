package dev.backstep.job.replicate;

import dev.backstep.catalog.Machines;
import dev.backstep.catalog.MovedReplications;
import dev.backstep.catalog.ReplicationConflictException;
import dev.backstep.catalog.Replications;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.VmPath;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.ReplicationJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.definition.JobDefinitions;
import java.time.Instant;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Supplier;
import org.springframework.stereotype.Component;

/** Begins runs of replications, and takes what other programs tell of theirs. */
@Component
class ReplicationStart implements ReplicationJobs {

  private final TaskJobs tasks;
  private final Machines machines;
  private final Replications replications;
  private final MovedReplications moved;
  private final ReplicaLeftovers leftovers;
  private final ProcessLease lease;

  ReplicationStart(
      TaskJobs tasks,
      Machines machines,
      Replications replications,
      MovedReplications moved,
      ReplicaLeftovers leftovers,
      ProcessLease lease) {
    this.tasks = tasks;
    this.machines = machines;
    this.replications = replications;
    this.moved = moved;
    this.leftovers = leftovers;
    this.lease = lease;
  }

  @Override
  public TaskRun replicate(JobDefinition definition, RequestedLevel level, boolean verify) {
    if (definition.replication().isEmpty()) {
      throw OperatorException.usage(
          "the definition of "
              + definition.vmName()
              + " has no field 'replicate', which says where its disks are replicated to",
          null);
    }
    machines.register(definition.vmId(), definition.vmName());
    String vmPath = VmPath.of(definition);
    Replications.NewRun run =
        new Replications.NewRun(
            definition.vmId(),
            vmPath,
            vmPath,
            level,
            verify,
            JobDefinitions.write(definition),
            lease.token());
    try {
      return tasks.launch(replications.begin(run));
    } catch (VmBusyException e) {
      throw OperatorException.busy(e.getMessage(), e);
    } catch (ReplicationConflictException e) {
      throw OperatorException.conflict(e.getMessage(), e);
    }
  }

  @Override
  public String beginMoved(String vmPath, Optional<String> job, List<DiskKey> disks) {
    return answered(() -> moved.begin(vmPath, job, disks));
  }

  @Override
  public void completeMoved(
      String job, DiskKey key, ChangeId changeId, Optional<ChangeId> previous) {
    answered(() -> moved.complete(job, key, changeId, previous));
  }

  @Override
  public void abandonMoved(String job) {
    answered(() -> {
      moved.abandon(job);
      return job;
    });
  }

  private static <T> T answered(Supplier<T> work) {
    try {
      return work.get();
    } catch (NoSuchElementException e) {
      throw OperatorException.notFound(
          e.getMessage() + "; GET /api/v1/replications lists the jobs", e);
    } catch (ReplicationConflictException e) {
      throw OperatorException.conflict(e.getMessage(), e);
    }
  }

  @Override
  public void closeSnapshots() {
    leftovers.closeSnapshots(Instant.now());
  }
}
