package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Leases;
import dev.backstep.domain.Status;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;

/** Publishes the restore point once every disk backup is completed; refuses otherwise. */
@Component("sealRestorePointTasklet")
class SealRestorePoint implements Tasklet {

  private final ActiveBackups actives;
  private final Backups backups;
  private final BackupQueries queries;
  private final Leases leases;

  SealRestorePoint(ActiveBackups actives, Backups backups, BackupQueries queries, Leases leases) {
    this.actives = actives;
    this.backups = backups;
    this.queries = queries;
    this.leases = leases;
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext chunk)
      throws IOException {
    ActiveBackup active = actives.get(BackupParameters.backup(contribution.getStepExecution()));
    BackupRow row = queries.backup(active.id());
    row.disks().stream()
        .filter(disk -> disk.status() != Status.COMPLETED)
        .findFirst()
        .ifPresent(disk -> {
          throw new IllegalStateException(
              disk.id() + " is " + disk.status() + ", expected COMPLETED; relaunch the backup");
        });
    leases.check(active.leaseToken(), active.id());
    Instant now = Instant.now();
    active.repository().publish(active.vm(), restorePoint(active, row, now));
    backups.sealed(active.id(), active.leaseToken(), now);
    return RepeatStatus.FINISHED;
  }

  private static RestorePoint restorePoint(ActiveBackup active, BackupRow row, Instant now) {
    List<RestorePoint.Disk> disks =
        row.disks().stream()
            .map(disk ->
                new RestorePoint.Disk(
                    disk.diskId(), disk.diskKey().value(), disk.id().value(), disk.virtualSize()))
            .toList();
    return new RestorePoint(
        Repository.FORMAT,
        active.id().value(),
        active.repository().id().value(),
        active.vm().value(),
        active.definition().vmName(),
        row.snapshotTakenAt().orElseThrow().toString(),
        now.toString(),
        disks,
        Map.of("job-definition", JobDefinitions.write(active.definition())));
  }
}
