package dev.backstep.job;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** From the catalog's row of a backup to the restore point that a repository keeps. */
public final class RestorePoints {

  private RestorePoints() {}

  /**
   * @param now when it was completed
   * @throws IllegalStateException when a disk is not completed
   */
  public static RestorePoint of(BackupRow row, Instant now) {
    row.disks().stream()
        .filter(disk -> disk.status() != Status.COMPLETED)
        .findFirst()
        .ifPresent(disk -> {
          throw new IllegalStateException(
              disk.id() + " is " + disk.status() + ", expected COMPLETED; relaunch the backup");
        });
    List<RestorePoint.Disk> disks =
        row.disks().stream()
            .map(disk ->
                new RestorePoint.Disk(
                    disk.diskId(), disk.diskKey().value(), disk.id().value(), disk.virtualSize()))
            .toList();
    return new RestorePoint(
        Repository.FORMAT,
        row.id().value(),
        row.repositoryId().value(),
        row.vmId().value(),
        row.vmName(),
        row.snapshotTakenAt().orElseThrow().toString(),
        now.toString(),
        disks,
        Map.of("job-definition", row.definition()));
  }
}
