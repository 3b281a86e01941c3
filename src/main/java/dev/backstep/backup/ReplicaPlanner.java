package dev.backstep.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.source.SourceDisk;
import java.io.IOException;
import java.util.Optional;

/**
 * Decides what a run does with one replica, from that disk's own lineage, source and target and
 * nothing else. The checks stand in the order in which they win.
 */
public final class ReplicaPlanner {

  private final RequestedLevel level;
  private final CbtResetPolicy cbtReset;

  /**
   * What a target is said to hold.
   *
   * @param changeId what to ask the source about
   * @param place the target that holds it
   * @param identity the target as it was left when it was last whole, as far as that is known
   * @param writtenBy what else was begun onto it since a run has written it
   * @param whole whether no run has begun to write it since
   * @param sizeBytes the disk's size then
   * @param completed whether any run ever came to its end
   */
  public record Held(
      Optional<ChangeId> changeId,
      String place,
      Optional<String> identity,
      Optional<String> writtenBy,
      boolean whole,
      long sizeBytes,
      boolean completed) {}

  public ReplicaPlanner(RequestedLevel level, CbtResetPolicy cbtReset) {
    this.level = level;
    this.cbtReset = cbtReset;
  }

  /**
   * @param held what the target holds; empty when no run has begun to write it
   * @param othersHeld whether other disks of the VM have replicas
   * @throws IOException when not even the allocation of the disk can be read
   */
  public ReplicaPlan plan(
      SourceDisk disk, ReplicaTarget target, Optional<Held> held, boolean othersHeld)
      throws IOException {
    Optional<ChangeId> previous = held.flatMap(Held::changeId);
    if (level == RequestedLevel.FULL) {
      return full(disk, target, previous, Reason.REQUESTED, "");
    }
    if (held.filter(Held::completed).isEmpty()) {
      return full(disk, target, previous, othersHeld ? Reason.NEW_DISK : Reason.NO_BASELINE, "");
    }
    return onReplica(disk, target, held.get());
  }

  private ReplicaPlan onReplica(SourceDisk disk, ReplicaTarget target, Held held)
      throws IOException {
    Optional<ReplicaTarget.Lost> lost = target.lost(held.place(), held.identity(), held.whole());
    if (lost.isPresent()) {
      return again(disk, target, held.changeId(), lost.get().reason(), lost.get().cause());
    }
    if (held.writtenBy().isPresent()) {
      String cause = held.writtenBy().get() + " was begun onto " + held.place() + " since";
      return again(disk, target, held.changeId(), Reason.BASE_FAILED_VERIFY, cause);
    }
    if (!held.whole() && held.changeId().isEmpty()) {
      String cause = "a copy of the whole disk to it was begun and not finished";
      return again(disk, target, held.changeId(), Reason.BASE_MISSING, cause);
    }
    long size = disk.sizeBytes();
    if (size < held.sizeBytes() || (size > held.sizeBytes() && !disk.tracksGrowth())) {
      String cause = "the disk had " + held.sizeBytes() + " bytes and has " + size + " now";
      return again(disk, target, held.changeId(), Reason.DISK_RESIZED, cause);
    }
    if (held.changeId().isEmpty()) {
      String cause = "the source gave no change id at the last run";
      return again(disk, target, held.changeId(), Reason.CBT_UNAVAILABLE, cause);
    }
    return switch (SourceClusters.since(disk, held.changeId().get())) {
      case SourceClusters.Changed.Known(ClusterMap clusters) ->
          new ReplicaPlan(Reason.CHANGED_EXTENTS, "", held.changeId(), clusters);
      case SourceClusters.Changed.Unknown(Reason reason, String cause) ->
          again(disk, target, held.changeId(), reason, cause);
    };
  }

  /**
   * The whole disk once more, as the policy has it.
   *
   * @param reason of a full copy
   */
  private ReplicaPlan again(
      SourceDisk disk,
      ReplicaTarget target,
      Optional<ChangeId> previous,
      Reason reason,
      String cause)
      throws IOException {
    return cbtReset == CbtResetPolicy.COMPARE && !target.isEmpty()
        ? compared(disk, target, previous, reason + ": " + cause)
        : full(disk, target, previous, reason, cause);
  }

  /** What an earlier try of the same run has begun, from the same snapshot or another one. */
  public static ReplicaPlan goOn(
      SourceDisk disk,
      ReplicaTarget target,
      Optional<ChangeId> previous,
      Reason reason,
      String cause)
      throws IOException {
    return reason == Reason.COMPARED
        ? compared(disk, target, previous, cause)
        : full(disk, target, previous, reason, cause);
  }

  private static ReplicaPlan compared(
      SourceDisk disk, ReplicaTarget target, Optional<ChangeId> previous, String cause)
      throws IOException {
    ClusterMap clusters = SourceClusters.allocated(disk);
    clusters.dropZeros();
    ReplicaTarget.allocated(
        target.target(),
        (offset, length, kind) -> {
          long inside = Math.min(length, disk.sizeBytes() - offset);
          if (kind == ExtentKind.DATA && inside > 0) {
            clusters.extent(offset, inside, kind);
          }
        });
    return new ReplicaPlan(Reason.COMPARED, cause, previous, clusters);
  }

  /**
   * A full copy, whatever else might be possible.
   *
   * @param cause one sentence; may be empty
   */
  public static ReplicaPlan full(
      SourceDisk disk,
      ReplicaTarget target,
      Optional<ChangeId> previous,
      Reason reason,
      String cause)
      throws IOException {
    boolean doubted = reason == Reason.CBT_AUDIT_FAILED && disk.allocationIsTracked();
    ClusterMap clusters = doubted ? SourceClusters.whole(disk) : SourceClusters.allocated(disk);
    if (target.isEmpty()) {
      clusters.dropZeros(); // a file that is made reads as zeros where nothing is written
    }
    return new ReplicaPlan(reason, cause, previous, clusters);
  }
}
