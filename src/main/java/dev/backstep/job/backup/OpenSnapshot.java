package dev.backstep.job.backup;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.VmDefinitions;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Status;
import dev.backstep.job.JobSettings;
import dev.backstep.job.RestorePoints;
import dev.backstep.repository.DiskFolder;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;

/**
 * Opens the one snapshot that all disks of a backup are read from. A relaunch takes up the snapshot
 * of the run before; where that cannot be shown to hold the same moment, every disk of the backup
 * is done anew from a new one.
 */
@Component("openSnapshotTasklet")
class OpenSnapshot implements Tasklet {

  private static final Logger log = LoggerFactory.getLogger(OpenSnapshot.class);

  private final ActiveBackups actives;
  private final Backups backups;
  private final BackupQueries queries;
  private final Machines machines;
  private final VmDefinitions definitions;
  private final Leftovers leftovers;
  private final Duration keep;

  OpenSnapshot(
      ActiveBackups actives,
      Backups backups,
      BackupQueries queries,
      Machines machines,
      VmDefinitions definitions,
      Leftovers leftovers,
      JobSettings settings) {
    this.actives = actives;
    this.backups = backups;
    this.queries = queries;
    this.machines = machines;
    this.definitions = definitions;
    this.leftovers = leftovers;
    this.keep = settings.snapshotKeep();
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext chunk)
      throws IOException {
    ActiveBackup active = actives.get(BackupParameters.backup(contribution.getStepExecution()));
    BackupRow row = queries.backup(active.id());
    boolean allComplete =
        !row.disks().isEmpty()
            && row.disks().stream().allMatch(disk -> disk.status() == Status.COMPLETED);
    if (!allComplete && !reattached(active, row)) {
      openNew(active, row);
    }
    return RepeatStatus.FINISHED;
  }

  private boolean reattached(ActiveBackup active, BackupRow row) throws SourceException {
    if (row.snapshotHandle().isEmpty()) {
      return false;
    }
    try {
      Snapshot snapshot = active.source().reattach(request(active), row.snapshotHandle().get());
      active.snapshotOpened(snapshot);
      log.info("{}: took up the snapshot of {}", active.id(), snapshot.takenAt());
      return true;
    } catch (SnapshotGoneException e) {
      log.warn("{}: every disk is done anew: {}", active.id(), e.getMessage());
      return false;
    }
  }

  private void openNew(ActiveBackup active, BackupRow row) throws IOException {
    // First, for it locks the row until this step commits: nobody takes the backup over meanwhile,
    // so the partial images below are no other process's.
    backups.supersedeDisks(active.id(), active.leaseToken());
    for (BackupDiskRow disk : row.disks()) {
      if (disk.status() != Status.COMPLETED) {
        active.repository().disk(active.vm(), disk.diskId()).discard(disk.id());
      }
    }
    Snapshot snapshot = active.source().snapshot(request(active));
    active.snapshotOpened(snapshot);
    backups.snapshotOpened(
        active.id(),
        active.leaseToken(),
        snapshot.handle(),
        snapshot.takenAt(),
        Instant.now().plus(keep));
    definitions.keep(active.id(), RestorePoints.text(snapshot.vmDefinition()));
    for (SourceDisk disk : snapshot.disks()) {
      int diskId = machines.diskId(active.vm(), disk.key());
      DiskFolder folder = active.repository().disk(active.vm(), diskId);
      backups.addDisk(active.id(), diskId, disk.key(), disk.sizeBytes(), folder::knows);
    }
    leftovers.supersede(active);
  }

  private SnapshotRequest request(ActiveBackup active) {
    Map<DiskKey, ChangeId> since = new HashMap<>();
    machines
        .disks(active.vm())
        .forEach((diskId, key) ->
            queries
                .baseline(active.repository().id(), active.vm(), diskId)
                .flatMap(baseline -> baseline.changeId())
                .ifPresent(changeId -> since.put(key, changeId)));
    return new SnapshotRequest(
        active.repository().id(), active.id(), since, active.definition().exclude());
  }
}
