package dev.backstep.job;

import dev.backstep.backup.DiskTarget;
import java.util.Map;
import java.util.Optional;

/**
 * What is to be restored to where.
 *
 * @param id a backup's, or one of its disk backups', which is that disk alone
 * @param targets by disk number; only these disks are restored
 * @param differing whether a target that is written over is read, and only what differs written
 * @param held the restore point that the targets are said to hold: only what differs between the
 *     two is written
 * @param machine name of the VM whose disks the targets are while it stays at its source; empty of
 *     others
 */
public record RestoreRequest(
    String id,
    Map<Integer, DiskTarget> targets,
    boolean differing,
    Optional<String> held,
    Optional<String> machine) {

  public RestoreRequest {
    targets = Map.copyOf(targets);
  }

  /** Of targets that are no VM's. */
  public RestoreRequest(
      String id, Map<Integer, DiskTarget> targets, boolean differing, Optional<String> held) {
    this(id, targets, differing, held, Optional.empty());
  }
}
