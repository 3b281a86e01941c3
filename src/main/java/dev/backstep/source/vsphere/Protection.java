package dev.backstep.source.vsphere;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.MarkName;
import dev.backstep.source.SourceException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What of a VM can be protected, told before anything is begun. A disk that cannot be is never left
 * out silently: the definition excludes it, or the backup is refused.
 */
final class Protection {

  private final Machine machine;
  private final Set<DiskKey> exclude;

  Protection(Machine machine, Set<DiskKey> exclude) {
    this.machine = machine;
    this.exclude = exclude;
  }

  /** The disks that a backup is asked for. */
  List<DiskFacts> wanted() {
    return machine.disks().stream().filter(disk -> !exclude.contains(disk.diskKey())).toList();
  }

  /** What rules a backup out, a sentence for each disk. */
  List<String> obstacles() {
    List<String> obstacles = new ArrayList<>();
    if (!machine.faultTolerance().equals("notConfigured")) {
      obstacles.add(
          machine
              + " uses fault tolerance ("
              + machine.faultTolerance()
              + "), which rules snapshots out; switch it off, or back the VM up from within");
    }
    for (DiskFacts disk : wanted()) {
      disk.obstacle()
          .ifPresent(why ->
              obstacles.add(
                  machine
                      + ": disk "
                      + disk
                      + " "
                      + why
                      + "; or name "
                      + disk.key()
                      + " in `exclude`"));
    }
    if (wanted().isEmpty()) {
      obstacles.add(machine + ": no disk is left to back up");
    }
    return obstacles;
  }

  /** Why changes cannot be tracked; empty when they are, or will be. */
  Optional<String> untracked(boolean mayEnable) {
    if (!machine.trackable()) {
      return Optional.of(
          machine + ": its hardware version cannot track changes; upgrade it to 7 or newer");
    }
    if (machine.tracking()) {
      return Optional.empty();
    }
    if (!mayEnable) {
      return Optional.of(machine + ": change tracking is off, and `tracking: off` leaves it so");
    }
    return foreign().isEmpty()
        ? Optional.empty()
        : Optional.of(
            machine
                + ": change tracking is off and cannot be switched on while there are snapshots"
                + " of others: "
                + String.join(", ", foreign()));
  }

  private List<String> foreign() {
    return machine.snapshots().stream()
        .filter(snapshot -> !MarkName.isOurs(SnapshotMark.of(snapshot)))
        .map(Machine.HeldSnapshot::name)
        .toList();
  }

  /** What an operator should know, and what does not stop a backup. */
  List<String> remarks(boolean mayEnable) {
    List<String> remarks = new ArrayList<>();
    untracked(mayEnable)
        .ifPresent(why -> remarks.add(why + "; each backup reads every disk whole"));
    if (machine.consolidationNeeded()) {
      remarks.add(machine + ": needs consolidation; do that at the vCenter, it slows the VM down");
    }
    for (DiskFacts disk : machine.disks()) {
      if (exclude.contains(disk.diskKey())) {
        remarks.add(machine + ": disk " + disk + " is excluded and not protected");
      }
    }
    return remarks;
  }

  void require() throws SourceException {
    List<String> obstacles = obstacles();
    if (!obstacles.isEmpty()) {
      throw new SourceException(SourceException.Kind.FAILED, String.join("; ", obstacles));
    }
  }
}
