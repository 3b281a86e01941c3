package dev.backstep.job;

import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.domain.Status;

/**
 * What this process did with a replication, published for whoever counts it, behind the change of
 * the catalog.
 */
public sealed interface ReplicationEvent {

  /** Bytes written to a target since the last one of this disk. */
  record Copied(long bytesWritten) implements ReplicationEvent {}

  /** A disk was completed, failed or stopped; a relaunch may end it once more. */
  record DiskEnded(ReplicationRunDisk disk) implements ReplicationEvent {}

  /** A run has ended; a relaunch may end it once more. */
  record Ended(Status status) implements ReplicationEvent {}
}
