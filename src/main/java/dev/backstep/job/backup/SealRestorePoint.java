package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.VmDefinitions;
import dev.backstep.job.RestorePoints;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.time.Instant;
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
  private final VmDefinitions definitions;

  SealRestorePoint(
      ActiveBackups actives, Backups backups, BackupQueries queries, VmDefinitions definitions) {
    this.actives = actives;
    this.backups = backups;
    this.queries = queries;
    this.definitions = definitions;
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext chunk)
      throws IOException {
    ActiveBackup active = actives.get(BackupParameters.backup(contribution.getStepExecution()));
    BackupRow row = queries.backup(active.id());
    Instant now = Instant.now();
    RestorePoint point = RestorePoints.of(row, definitions.find(active.id()), now);
    backups.requireOwner(active.id(), active.leaseToken());
    active.repository().publish(active.vm(), point);
    backups.sealed(active.id(), active.leaseToken(), now, point.immutability());
    return RepeatStatus.FINISHED;
  }
}
