package dev.backstep.job;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import java.util.List;
import java.util.Optional;

/**
 * Replications as operators and other programs command them. A run of this program is a task from
 * its begin on. Safe for use by many threads.
 */
public interface ReplicationJobs {

  /**
   * Launches a run in this process, which writes the targets.
   *
   * @param verify whether sources and targets are read and compared behind it
   * @throws OperatorException USAGE when the definition has no replication; BUSY when the VM is
   *     being backed up or replicated; CONFLICT when another program replicates it
   */
  TaskRun replicate(JobDefinition definition, RequestedLevel level, boolean verify);

  /**
   * Begins a run whose bytes another program copies; the same call again finds that run.
   *
   * @param job its id as that program names it; one of ours when left out
   * @param disks what it is going to complete
   * @return its id
   * @throws OperatorException CONFLICT when another run of this VM path is not at its end, this
   *     program replicates it, or the id is another run's
   */
  String beginMoved(String vmPath, Optional<String> job, List<DiskKey> disks);

  /**
   * Notes that the target of one disk of such a run is complete; again it changes nothing.
   *
   * @param previous what the mover has asked the source about; empty when it does not say
   * @throws OperatorException NOT_FOUND when there is no such run or disk; CONFLICT when the disk
   *     was completed with another change id, the run has ended or is this program's, or the
   *     previous change id is not the one that is known
   */
  void completeMoved(String job, DiskKey key, ChangeId changeId, Optional<ChangeId> previous);

  /**
   * Gives such a run up.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it is completed, or this program's
   */
  void abandonMoved(String job);

  /** Lets snapshots go that no run will take up again. */
  void closeSnapshots();
}
