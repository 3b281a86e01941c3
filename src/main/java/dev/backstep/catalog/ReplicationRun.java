package dev.backstep.catalog;

import dev.backstep.domain.Mover;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A run of a replication, of this program or another one.
 *
 * @param vm of a run of this program
 * @param definition the job definition as text; empty where another program runs it
 * @param snapshotHandle by which the source finds the snapshot; empty when none is held
 * @param snapshotNo how many snapshots were opened for it
 * @param task what says how a run of this program stands
 */
public record ReplicationRun(
    String id,
    RepositoryId replication,
    String vmPath,
    Mover mover,
    Status status,
    Optional<VmId> vm,
    RequestedLevel level,
    boolean verify,
    String definition,
    Instant createdAt,
    Optional<Instant> completedAt,
    Optional<String> snapshotHandle,
    Optional<Instant> snapshotTakenAt,
    Optional<Instant> snapshotKeepUntil,
    int snapshotNo,
    Optional<TaskRow> task,
    List<ReplicationRunDisk> disks) {

  public ReplicationRun {
    disks = List.copyOf(disks);
  }
}
