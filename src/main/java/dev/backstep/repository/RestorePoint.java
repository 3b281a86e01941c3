package dev.backstep.repository;

import dev.backstep.domain.RepositoryId;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A backup whose disk backups are all complete: the content of {@code restore-points/<backup
 * id>.json}, see {@code docs/format.md}.
 *
 * @param format {@link Repository#FORMAT}
 * @param snapshotTakenAt ISO 8601, UTC
 * @param completedAt ISO 8601, UTC
 * @param vmDefinition what the source gave to rebuild the VM, by name
 * @param immutableUntil ISO 8601, UTC: before that none of its files may go; null for any time
 * @param copiedFrom id of the repository that it was copied from; null where it was made here
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
    Map<String, String> vmDefinition,
    @Nullable String copiedFrom,
    @Nullable String immutableUntil) {

  public RestorePoint {
    Json.require(backupId, "backup_id");
    Json.require(repositoryId, "repository_id");
    Json.require(vmId, "vm_id");
    Json.require(vmName, "vm_name");
    Json.require(snapshotTakenAt, "snapshot_taken_at");
    Json.require(completedAt, "completed_at");
    Json.require(disks, "disks");
    Json.require(vmDefinition, "vm_definition");
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
   * @param manifestSha256 {@link DiskManifest#identitySha256} of its manifest; null in files of
   *     early releases
   */
  public record Disk(
      int diskId,
      String diskKey,
      String diskBackupId,
      long virtualSize,
      @Nullable String manifestSha256) {

    public Disk {
      Json.require(diskKey, "disks.disk_key");
      Json.require(diskBackupId, "disks.disk_backup_id");
    }

    /** Whether a manifest is the one that the restore point was sealed with, as far as known. */
    public boolean fits(DiskManifest manifest) {
      return manifestSha256 == null || manifestSha256.equals(manifest.identitySha256());
    }
  }

  /** The restore point of the same name in another repository. */
  public RestorePoint copiedTo(RepositoryId repository) {
    return new RestorePoint(
        format,
        backupId,
        repository.value(),
        vmId,
        vmName,
        snapshotTakenAt,
        completedAt,
        disks,
        vmDefinition,
        repositoryId,
        null);
  }

  /** Before when its files must stay, if ever. */
  public Optional<Instant> immutability() {
    return Optional.ofNullable(immutableUntil).map(Instant::parse);
  }

  /** Whether its files must stay at a moment. */
  public boolean isImmutable(Instant at) {
    return immutability().filter(at::isBefore).isPresent();
  }

  RestorePoint withDisks(List<Disk> others) {
    return new RestorePoint(
        format,
        backupId,
        repositoryId,
        vmId,
        vmName,
        snapshotTakenAt,
        completedAt,
        others,
        vmDefinition,
        copiedFrom,
        immutableUntil);
  }
}
