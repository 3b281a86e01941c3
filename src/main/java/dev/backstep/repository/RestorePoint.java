package dev.backstep.repository;

import java.util.List;
import java.util.Map;

/**
 * A backup whose disk backups are all complete: the content of {@code restore-points/<backup
 * id>.json}, see {@code docs/format.md}.
 *
 * @param format {@link Repository#FORMAT}
 * @param snapshotTakenAt ISO 8601, UTC
 * @param completedAt ISO 8601, UTC
 * @param vmDefinition what the source gave to rebuild the VM, by name
 */
public record RestorePoint(
    int format,
    String backupId,
    String repositoryId,
    String vmId,
    String vmName,
    String snapshotTakenAt,
    String completedAt,
    List<Disk> disks,
    Map<String, String> vmDefinition) {

  public RestorePoint {
    disks = List.copyOf(disks);
    vmDefinition = Map.copyOf(vmDefinition);
    if (disks.isEmpty()) {
      throw new IllegalArgumentException("a restore point needs at least one disk");
    }
  }

  /**
   * One disk of the restore point.
   *
   * @param virtualSize exact size in bytes
   */
  public record Disk(int diskId, String diskKey, String diskBackupId, long virtualSize) {}
}
