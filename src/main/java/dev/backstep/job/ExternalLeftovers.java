package dev.backstep.job;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Predicate;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Gives up backups whose bytes another program copies. Disks that are completed stay as links of
 * their chains; the other images go. The process that exports them notices and ends the exports.
 * Thread-safe.
 */
@Component
public class ExternalLeftovers {

  private final Transactions transactions;
  private final MovedBackups moved;
  private final Backups backups;
  private final BackupQueries queries;
  private final ApplicationEventPublisher events;

  ExternalLeftovers(
      PlatformTransactionManager manager,
      MovedBackups moved,
      Backups backups,
      BackupQueries queries,
      ApplicationEventPublisher events) {
    this.transactions = new Transactions(manager);
    this.moved = moved;
    this.backups = backups;
    this.queries = queries;
    this.events = events;
  }

  /**
   * Ends a backup for good, unless it is completed or has changed so that it should not be.
   *
   * @param status FAILED or ABANDONED
   * @param still asked of the backup while nobody can change it
   * @return whether it was ended
   * @throws IOException when its files cannot be removed; nothing has changed then
   */
  public boolean giveUp(
      BackupId id, Status status, Optional<String> error, Predicate<BackupRow> still)
      throws IOException {
    boolean ended =
        transactions.in(() -> {
          moved.lock(id);
          BackupRow row = queries.backup(id);
          if (row.status() == Status.COMPLETED || !still.test(row)) {
            return false;
          }
          // While the lock is held: what is removed can be published by nobody.
          discardUnfinished(row);
          return backups.ended(id, row.leaseToken().orElseThrow(), status, error);
        });
    if (ended) {
      events.publishEvent(new BackupEvent.Ended(queries.backup(id), Optional.empty()));
    }
    return ended;
  }

  private static void discardUnfinished(BackupRow row) throws IOException {
    Repository repository = Repository.open(Path.of(row.repositoryPath()));
    for (BackupDiskRow disk : row.disks()) {
      if (disk.status() != Status.COMPLETED) {
        repository.disk(row.vmId(), disk.diskId()).discard(disk.id());
      }
    }
  }
}
