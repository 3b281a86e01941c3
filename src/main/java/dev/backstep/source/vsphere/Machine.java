package dev.backstep.source.vsphere;

import java.time.Instant;
import java.util.List;

/**
 * A VM as it is configured now.
 *
 * @param name as people read it
 * @param instanceUuid unique within a vCenter, and kept when the VM is registered anew
 * @param host moref of the host it runs on, or is registered at; empty when unknown
 * @param poweredOff a VM that is suspended is neither
 * @param tracking whether change tracking is switched on
 * @param trackable whether its hardware version can track changes
 * @param consolidationNeeded snapshots are gone and their files are still there
 * @param faultTolerance its state, {@code notConfigured} for almost all
 * @param snapshots all of them, whoever made them, parents before children
 * @param tasks morefs of its recent tasks, running ones among them
 */
record Machine(
    Moref ref,
    String name,
    String instanceUuid,
    String host,
    boolean poweredOn,
    boolean poweredOff,
    boolean tracking,
    boolean trackable,
    boolean consolidationNeeded,
    String faultTolerance,
    List<DiskFacts> disks,
    List<HeldSnapshot> snapshots,
    List<Moref> tasks) {

  Machine {
    disks = List.copyOf(disks);
    snapshots = List.copyOf(snapshots);
    tasks = List.copyOf(tasks);
  }

  /**
   * A snapshot in a VM's tree.
   *
   * @param takenAt by the vCenter's clock
   */
  record HeldSnapshot(
      Moref ref, String name, String description, Instant takenAt, boolean quiesced) {}

  /** For messages. */
  @Override
  public String toString() {
    return name + " (" + ref + ")";
  }
}
