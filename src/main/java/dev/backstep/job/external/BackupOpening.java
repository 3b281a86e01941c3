package dev.backstep.job.external;

import dev.backstep.backup.DiskPlan;
import dev.backstep.backup.DiskPlanner;
import dev.backstep.backup.MovedImage;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Level;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.ExternalBackups;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Begins a backup that another program copies: first everything in the catalog, in one transaction,
 * then the empty images, so that no file is ever without its row. Thread-safe.
 */
@Component
class BackupOpening {

  private final Transactions transactions;
  private final MovedBackups moved;
  private final Backups backups;
  private final BackupQueries queries;
  private final Machines machines;
  private final Duration silence;

  BackupOpening(
      PlatformTransactionManager manager,
      MovedBackups moved,
      Backups backups,
      BackupQueries queries,
      Machines machines,
      ExternalSettings settings) {
    this.transactions = new Transactions(manager);
    this.moved = moved;
    this.backups = backups;
    this.queries = queries;
    this.machines = machines;
    this.silence = settings.externalSilence();
  }

  /** What is begun. */
  record Opening(
      JobDefinition definition,
      RequestedLevel level,
      Launch launch,
      ExternalBackups.Request request,
      List<MovedDisk> disks,
      Repository repository,
      long leaseToken) {}

  /**
   * Adds the backup and its planned disks to the catalog.
   *
   * @throws dev.backstep.catalog.VmBusyException when the VM has a backup that runs or waits
   * @throws OperatorException UNPROTECTED when a disk cannot be incremental as strictly asked
   * @throws IOException when a chain cannot be looked at
   */
  BackupId enter(Opening opening) throws IOException {
    return transactions.in(() -> {
      Instant now = Clock.systemUTC().instant();
      BackupId id =
          moved.begin(
              new BackupQueue.Request(
                  opening.definition().vmId(),
                  opening.repository().id(),
                  opening.level(),
                  JobDefinitions.write(opening.definition()),
                  opening.launch(),
                  Continuations.Retries.NONE),
              opening.leaseToken(),
              opening.request().snapshotTakenAt().orElse(now),
              opening.request().export(),
              now.plus(silence));
      for (MovedDisk disk : opening.disks()) {
        enter(opening, id, disk);
      }
      return id;
    });
  }

  private void enter(Opening opening, BackupId backup, MovedDisk disk) throws IOException {
    int diskId = machines.diskId(opening.definition().vmId(), disk.key());
    DiskFolder folder = opening.repository().disk(opening.definition().vmId(), diskId);
    DiskPlan plan = plan(opening, backup, disk, diskId, folder);
    DiskBackupId id = backups.addDisk(backup, diskId, disk.key(), disk.sizeBytes(), folder::knows);
    backups.planned(
        id,
        opening.leaseToken(),
        new Backups.Plan(
            plan.reason(),
            plan.cause(),
            plan.previousChangeId(),
            plan.base().map(Baseline::image),
            plan.chainLength(),
            disk.sizeBytes(),
            plan.level() == Level.FULL ? disk.sizeBytes() : 0));
  }

  private DiskPlan plan(
      Opening opening, BackupId backup, MovedDisk disk, int diskId, DiskFolder folder)
      throws IOException {
    JobDefinition definition = opening.definition();
    DiskPlanner.Settings settings =
        // Comparing takes reading the disk, which is not ours to do.
        new DiskPlanner.Settings(opening.level(), CbtResetPolicy.FULL, definition.chainLimit());
    DiskPlan plan =
        new DiskPlanner(settings, folder)
            .plan(
                disk,
                queries.baseline(opening.repository().id(), definition.vmId(), diskId),
                queries.anyCompletedBefore(opening.repository().id(), definition.vmId(), backup));
    if (opening.request().strict()
        && opening.level() == RequestedLevel.INCREMENTAL
        && plan.level() == Level.FULL) {
      throw OperatorException.unprotected(
          "disk "
              + diskId
              + " ("
              + disk.key()
              + ") cannot be incremental: "
              + plan.reason()
              + (plan.cause().isEmpty() ? "" : ", " + plan.cause())
              + "; ask again without `strict` to make it full");
    }
    return plan;
  }

  /** Makes the disk's image, without any data. */
  static void makeImage(DiskFolder folder, BackupDiskRow disk) throws IOException {
    folder.create();
    new MovedImage(disk.virtualSize(), disk.baseId()).create(folder.partial(disk.id()));
  }
}
