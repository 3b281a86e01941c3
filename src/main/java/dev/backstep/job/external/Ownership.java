package dev.backstep.job.external;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import org.springframework.stereotype.Component;

/**
 * Which process serves a backup. Unlike a job a mover goes on when ours has died, so whichever
 * process it calls then takes the backup over. Thread-safe.
 */
@Component
class Ownership {

  private final MovedBackups moved;
  private final BackupQueries queries;
  private final Leases leases;
  private final ProcessLease lease;

  Ownership(MovedBackups moved, BackupQueries queries, Leases leases, ProcessLease lease) {
    this.moved = moved;
    this.queries = queries;
    this.leases = leases;
    this.lease = lease;
  }

  /** The fencing token of this process. */
  long token() {
    return lease.token();
  }

  boolean isOurs(BackupRow row) {
    return row.leaseToken().isPresent() && lease.holds(row.leaseToken().getAsLong());
  }

  /**
   * Makes this process the one that serves a running backup.
   *
   * @return its fencing token
   * @throws OperatorException BUSY when another living process exports the images; CONFLICT when
   *     the backup has ended
   */
  long take(BackupId id) throws FencedException {
    long token = lease.token();
    BackupRow row = queries.backup(id);
    if (row.status() != Status.RUNNING) {
      throw ended(row);
    }
    if (!moved.own(id, token)) {
      throw OperatorException.busy(
          id
              + ": its images are exported by "
              + row.leaseToken().stream()
                  .boxed()
                  .flatMap(other -> leases.find(other).stream())
                  .map(other -> other.owner().toString())
                  .findFirst()
                  .orElse("another process")
              + "; call that one",
          null);
    }
    return token;
  }

  static OperatorException ended(BackupRow row) {
    return OperatorException.conflict(
        row.id()
            + " is "
            + row.status()
            + row.error().map(error -> " (" + error + ")").orElse("")
            + "; begin a new backup",
        null);
  }
}
