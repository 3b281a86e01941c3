package dev.backstep.source.vsphere;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A VM as it is configured now.
 *
 * @param name as people read it
 * @param instanceUuid unique within a vCenter, and kept when the VM is registered anew
 * @param host moref of the host it runs on, or is registered at; empty when unknown
 * @param poweredOff a VM that is suspended is neither
 * @param tools whether VMware Tools run in its guest, as the API tells; empty when unknown
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
    String tools,
    boolean tracking,
    boolean trackable,
    boolean consolidationNeeded,
    String faultTolerance,
    List<DiskFacts> disks,
    List<HeldSnapshot> snapshots,
    List<Moref> tasks) {

  /** With the second they begin to answer; the snapshot tells whether they did. */
  private static final Set<String> TOOLS_RUN =
      Set.of("guestToolsRunning", "guestToolsExecutingScripts");

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

  /**
   * Why its guest cannot come to rest for a snapshot; empty when it can. What is off is at rest. A
   * vCenter that cannot ask the guest takes the snapshot without, and does not complain.
   */
  Optional<String> restless() {
    if (poweredOff) {
      return Optional.empty();
    }
    if (!poweredOn) {
      return Optional.of("it is suspended, so its guest cannot come to rest");
    }
    return TOOLS_RUN.contains(tools)
        ? Optional.empty()
        : Optional.of(
            "VMware Tools do not run in its guest ("
                + (tools.isEmpty() ? "no status" : tools)
                + "), so it cannot come to rest");
  }

  /** For messages. */
  @Override
  public String toString() {
    return name + " (" + ref + ")";
  }
}
