package dev.backstep.job;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;

/** From the catalog's row of a backup to the restore point that a repository keeps. */
public final class RestorePoints {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String JOB_DEFINITION = "job-definition";

  private RestorePoints() {}

  /** What a source gave to rebuild a VM, as the catalog keeps it for {@link #of}. */
  public static String text(Map<String, String> vmDefinition) {
    return JSON.writeValueAsString(vmDefinition);
  }

  /**
   * @param vmDefinition a {@link #text}, if there is one
   * @param now when it was completed
   * @throws IllegalStateException when a disk is not completed
   */
  public static RestorePoint of(BackupRow row, Optional<String> vmDefinition, Instant now) {
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
                    disk.diskId(),
                    disk.diskKey().value(),
                    disk.id().value(),
                    disk.virtualSize(),
                    null))
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
        vmDefinition(row, vmDefinition),
        null,
        JobDefinitions.read(row.definition())
            .immutable()
            .map(age -> now.plus(age).toString())
            .orElse(null));
  }

  private static Map<String, String> vmDefinition(BackupRow row, Optional<String> kept) {
    Map<String, String> all = new TreeMap<>();
    kept.map(text -> JSON.readTree(text))
        .ifPresent(texts ->
            texts.properties().forEach(text -> all.put(text.getKey(), text.getValue().asString())));
    all.put(JOB_DEFINITION, row.definition());
    return all;
  }
}
