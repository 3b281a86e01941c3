package dev.backstep.job.external;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.LogFields;
import dev.backstep.job.RestorePoints;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/** Publishes restore points of backups whose last disk was completed. Thread-safe. */
@Component
class Sealing {

  private static final Logger log = LoggerFactory.getLogger(Sealing.class);

  private final Transactions transactions;
  private final MovedBackups moved;
  private final Backups backups;
  private final BackupQueries queries;
  private final Ownership ownership;
  private final ApplicationEventPublisher events;

  Sealing(
      PlatformTransactionManager manager,
      MovedBackups moved,
      Backups backups,
      BackupQueries queries,
      Ownership ownership,
      ApplicationEventPublisher events) {
    this.transactions = new Transactions(manager);
    this.moved = moved;
    this.backups = backups;
    this.queries = queries;
    this.ownership = ownership;
    this.events = events;
  }

  static boolean isWhole(BackupRow row) {
    return !row.disks().isEmpty()
        && row.disks().stream().allMatch(disk -> disk.status() == Status.COMPLETED);
  }

  /** Publishes the restore point, exactly once, if every disk is completed. */
  void sealIfWhole(BackupId id) throws IOException {
    try (LogFields.Field _ = LogFields.backup(id)) {
      boolean ended =
          transactions.in(() -> {
            moved.lock(id);
            BackupRow row = queries.backup(id);
            if (row.status() == Status.RUNNING && isWhole(row)) {
              long leaseToken = ownership.take(id);
              Instant now = Clock.systemUTC().instant();
              RestorePoint point = RestorePoints.of(row, Optional.empty(), now);
              repository(row).publish(row.vmId(), point);
              backups.sealed(id, leaseToken, now, point.immutability());
              log.info("{}: all disks are completed", id);
              return true;
            }
            return false;
          });
      if (ended) {
        BackupRow row = queries.backup(id);
        events.publishEvent(
            new BackupEvent.Ended(
                row, row.completedAt().map(end -> Duration.between(row.createdAt(), end))));
      }
    }
  }

  /**
   * The repository that a backup was begun in.
   *
   * @throws IOException when it is not there, or another one is in its place
   */
  static Repository repository(BackupRow row) throws IOException {
    return Repository.open(
        Path.of(row.repositoryPath()), row.repositoryId(), "in which " + row.id() + " was begun");
  }
}
