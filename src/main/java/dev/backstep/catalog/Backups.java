package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Predicate;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * What happens to backups and their disks. Each method joins the surrounding transaction, else runs
 * in one of its own; one that throws changes nothing and marks the surrounding one for rollback.
 * Safe for use by several threads.
 *
 * <p>Methods that take a lease token refuse it with {@link FencedException} when the backup does
 * not run under it or, where something is published, when the lease has ended.
 */
public final class Backups {

  /**
   * A backup about to begin. The VM and the repository must be registered.
   *
   * @param definition the job definition as text, kept as it is
   * @param leaseToken of the process that will run it
   */
  public record NewBackup(
      VmId vm, RepositoryId repository, RequestedLevel level, String definition, long leaseToken) {}

  /**
   * What a disk backup will do. Sizes in bytes.
   *
   * @param cause one sentence behind the reason; may be empty
   * @param base the image that the new one stands on
   * @param chainLength images in the chain, the new one included
   * @param bytesTotal to be read
   */
  public record Plan(
      Reason reason,
      String cause,
      Optional<ChangeId> previousChangeId,
      Optional<DiskBackupId> base,
      int chainLength,
      long virtualSize,
      long bytesTotal) {}

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Leases leases;
  private final Clock clock;
  private final DiskBackups disks;
  private final NewBackupRows rows;

  public Backups(
      DataSource dataSource, PlatformTransactionManager manager, Leases leases, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.leases = leases;
    this.clock = clock;
    this.disks = new DiskBackups(jdbc, leases, clock);
    this.rows = new NewBackupRows(jdbc);
  }

  /**
   * Begins a backup: from here on no other one of this VM can begin.
   *
   * @return its id, {@code backup-<vm id>-<yyyyMMdd-HHmmss>} in UTC, with -2, -3 ... when taken
   * @throws VmBusyException when the VM has a running backup, or is being replicated
   * @throws IllegalStateException when the VM is not registered
   */
  public BackupId begin(NewBackup backup) {
    return transactions.in(() -> {
      BusyVm.requireFree(jdbc, backup.vm());
      Instant now = clock.instant();
      BackupId id = BackupNames.backup(backup.vm(), now, this::exists);
      rows.insert(id, backup, now);
      return id;
    });
  }

  /**
   * Takes up a failed or stopped backup under a new lease. Its disks that are not completed become
   * PENDING and keep their counters.
   *
   * @throws VmBusyException when the VM has a running backup, this one included, or is being
   *     replicated
   * @throws IllegalStateException when it is completed or abandoned
   * @throws NoSuchElementException when there is no such backup
   */
  public void resume(BackupId id, long leaseToken) {
    transactions.in(() -> {
      BusyVm.requireFree(jdbc, owner(id).vm());
      BackupOwner owner = lock(id);
      if (owner.status() != Status.FAILED && owner.status() != Status.STOPPED) {
        throw new IllegalStateException(
            "backup " + id + " is " + owner.status() + "; only FAILED or STOPPED go on");
      }
      jdbc.sql(
              """
              update backups set status = 'RUNNING', active_vm_id = vm_id,
                lease_token = :token, completed_at = null, attempts = attempts + 1,
                start_after = null, waiting_for = null
              where id = :id\
              """)
          .param("token", leaseToken)
          .param("id", id.value())
          .update();
      DiskBackups.allUnfinished(jdbc, id, Status.PENDING);
      return id;
    });
  }

  /** Notes the Batch execution that runs the backup. */
  public void executing(BackupId id, long leaseToken, long executionId) throws FencedException {
    transactions.in(() -> {
      requireOwner(id, leaseToken);
      return jdbc.sql(
              "update backups set execution_id = :execution, started_at = :now where id = :id")
          .param("execution", executionId)
          .param("now", UtcTime.of(clock.instant()))
          .param("id", id.value())
          .update();
    });
  }

  /**
   * Notes the snapshot that the disks are read from.
   *
   * @param keepUntil a stopped or failed backup's snapshot may be removed from then on
   * @return how many snapshots were opened for this backup, this one included
   */
  public int snapshotOpened(
      BackupId id, long leaseToken, String handle, Instant takenAt, Instant keepUntil)
      throws FencedException {
    return transactions.in(() -> {
      requireOwner(id, leaseToken);
      jdbc.sql(
              """
              update backups set snapshot_handle = :handle, snapshot_taken_at = :taken,
                snapshot_keep_until = :keep, snapshot_no = snapshot_no + 1
              where id = :id\
              """)
          .param("handle", handle)
          .param("taken", UtcTime.of(takenAt))
          .param("keep", UtcTime.of(keepUntil))
          .param("id", id.value())
          .update();
      return jdbc.sql("select snapshot_no from backups where id = :id")
          .param("id", id.value())
          .query(Integer.class)
          .single();
    });
  }

  /** Forgets the snapshot's handle; when it was taken stays known. */
  public void snapshotClosed(BackupId id) {
    jdbc.sql(
            """
            update backups set snapshot_handle = null, snapshot_keep_until = null
            where id = :id\
            """)
        .param("id", id.value())
        .update();
  }

  /**
   * Adds a PENDING disk backup.
   *
   * @param size the disk's, in bytes
   * @param idTaken whether an id is in use outside the catalog, as a file in the repository is
   * @return its id, {@code backup-<vm id>-disk<n>-<yyyyMMdd-HHmmss>} with the backup's time
   */
  public DiskBackupId addDisk(
      BackupId backup, int diskId, DiskKey key, long size, Predicate<DiskBackupId> idTaken) {
    return transactions.in(() -> disks.add(lock(backup), diskId, key, size, idTaken));
  }

  /**
   * Sets a disk backup RUNNING with its level; the counters start at 0.
   *
   * @throws IllegalStateException when it is completed
   */
  public void planned(DiskBackupId id, long leaseToken, Plan plan) throws FencedException {
    transactions.in(() -> {
      requireOwner(disks.backupOf(id), leaseToken);
      disks.planned(id, plan);
      return id;
    });
  }

  /**
   * Sets a disk backup that was planned before RUNNING again; plan and counters stay.
   *
   * @throws IllegalStateException when it is completed or has no plan
   */
  public void continued(DiskBackupId id, long leaseToken) throws FencedException {
    transactions.in(() -> {
      requireOwner(disks.backupOf(id), leaseToken);
      disks.continued(id);
      return id;
    });
  }

  /**
   * Notes how far a running disk backup is. All in bytes, since its plan.
   *
   * @throws FencedException when it does not run under this lease
   */
  public void progress(
      DiskBackupId id, long leaseToken, long bytesRead, long bytesTransferred, long bytesStored)
      throws FencedException {
    disks.progress(id, leaseToken, new DiskBackups.Bytes(bytesRead, bytesTransferred, bytesStored));
  }

  /**
   * Completes a disk backup and makes its change id known, in one update of one row. To be called
   * when the image has been forced and has its final name. Again with the same change id it does
   * nothing.
   *
   * @param changeId what the snapshot carried, read before the first byte
   * @param image the file, as callers want it back
   * @param checksumKind as its manifest says
   * @throws FencedException when it does not run under this lease, or the lease has ended
   * @throws IllegalStateException when it is completed with another change id
   */
  public void completeDisk(
      DiskBackupId id,
      long leaseToken,
      Optional<ChangeId> changeId,
      String image,
      long bytesRead,
      long bytesTransferred,
      long bytesStored,
      Optional<String> checksumKind)
      throws FencedException {
    transactions.in(() -> {
      BackupOwner owner = lock(disks.backupOf(id));
      if (disks.isCompletedWith(id, changeId)) {
        return id;
      }
      leases.check(leaseToken, owner);
      var bytes = new DiskBackups.Bytes(bytesRead, bytesTransferred, bytesStored);
      disks.complete(id, owner, leaseToken, changeId, image, bytes, checksumKind);
      return id;
    });
  }

  /** Notes that a disk backup failed, unless it is completed or has another owner by now. */
  public void failDisk(DiskBackupId id, long leaseToken, String error) {
    disks.ended(id, leaseToken, Status.FAILED, Optional.of(error));
  }

  /** Notes that a disk backup stopped, unless it is completed or has another owner by now. */
  public void stopDisk(DiskBackupId id, long leaseToken) {
    disks.ended(id, leaseToken, Status.STOPPED, Optional.empty());
  }

  /**
   * Completes the backup. Again under the same lease it does nothing.
   *
   * @param immutableUntil as its restore point's file says
   * @throws FencedException when it does not run under this lease, or the lease has ended
   * @throws IllegalStateException when it has no disk, or one that is not completed
   */
  public void sealed(BackupId id, long leaseToken, Instant now, Optional<Instant> immutableUntil)
      throws FencedException {
    transactions.in(() -> {
      BackupOwner owner = lock(id);
      if (owner.status() == Status.COMPLETED && owner.isUnder(leaseToken)) {
        return id;
      }
      leases.check(leaseToken, owner);
      disks.requireAllCompleted(id);
      jdbc.sql(
              """
              update backups set status = 'COMPLETED', active_vm_id = null,
                completed_at = :now, error = null, start_after = null, waiting_for = null,
                retries_left = 0, ran_seconds = timestampdiff(second, started_at, :now),
                immutable_until = :immutable
              where id = :id\
              """)
          .param("now", UtcTime.of(now))
          .param("immutable", immutableUntil.map(UtcTime::of).orElse(null))
          .param("id", id.value())
          .update();
      return id;
    });
  }

  /**
   * Notes that the backup does not run any more; its disks that are not completed end alike. A
   * completed one stays as it is, and so does the first error. One that belongs to another lease by
   * now stays as it is too: a process that slept must not take the VM's lock from whoever
   * relaunched the backup meanwhile.
   *
   * @param leaseToken the owner's; to recover or abandon, the one that the backup was last read
   *     with
   * @param status FAILED, STOPPED or ABANDONED
   * @return whether the backup still belongs to that lease, and was not abandoned meanwhile
   * @throws IllegalArgumentException with another status
   * @throws NoSuchElementException when there is no such backup
   */
  public boolean ended(BackupId id, long leaseToken, Status status, Optional<String> error) {
    if (status != Status.FAILED && status != Status.STOPPED && status != Status.ABANDONED) {
      throw new IllegalArgumentException("a backup does not end as " + status);
    }
    return transactions.in(() -> {
      BackupOwner owner = lock(id);
      if (owner.status() == Status.ABANDONED && status != Status.ABANDONED) {
        return false;
      }
      if (!owner.isUnder(leaseToken) || owner.wasCompleted()) {
        return owner.isUnder(leaseToken);
      }
      jdbc.sql(
              """
              update backups set status = :status, active_vm_id = null, completed_at = :now,
                error = coalesce(error, :error),
                ran_seconds = timestampdiff(second, started_at, :now)
              where id = :id\
              """)
          .param("status", status.name())
          .param("now", UtcTime.of(clock.instant()))
          .param("error", error.orElse(null))
          .param("id", id.value())
          .update();
      DiskBackups.allUnfinished(jdbc, id, status);
      return true;
    });
  }

  /**
   * Makes room for a new snapshot of a running backup: disks that were completed from the lost one
   * move to an abandoned backup {@code <id>-lost1} (2, 3 ...), where they go on as baselines
   * without ever being a restore point; the other disk backups are forgotten.
   *
   * @return the id that the completed ones moved to, empty when there were none
   * @throws FencedException when it does not run under this lease, or the lease has ended
   */
  public Optional<BackupId> supersedeDisks(BackupId id, long leaseToken) throws FencedException {
    return transactions.in(() -> {
      requireOwner(id, leaseToken);
      Optional<BackupId> lost = Optional.empty();
      if (disks.anyCompleted(id)) {
        BackupId to = BackupNames.lost(id, this::exists);
        rows.insertLost(id, to, clock.instant());
        disks.moveCompleted(id, to);
        lost = Optional.of(to);
      }
      disks.deleteAll(id);
      return lost;
    });
  }

  /** Marks a completed disk backup, and every one that stands on it, as damaged. */
  public void damaged(DiskBackupId id) {
    transactions.in(() -> {
      disks.damaged(id);
      return id;
    });
  }

  /**
   * Locks a backup's row until the surrounding transaction ends: while its owner publishes, nobody
   * takes it over, so that an owner which falls asleep in between has not been overtaken when it
   * wakes.
   *
   * @throws FencedException when it does not run under this lease, or the lease has ended
   */
  public void requireOwner(BackupId id, long leaseToken) throws FencedException {
    leases.check(leaseToken, lock(id));
  }

  private BackupOwner lock(BackupId id) {
    return BackupOwner.lock(jdbc, id).orElseThrow(() -> BackupQueries.unknown(id.value()));
  }

  private BackupOwner owner(BackupId id) {
    return BackupOwner.find(jdbc, id).orElseThrow(() -> BackupQueries.unknown(id.value()));
  }

  private boolean exists(BackupId id) {
    return BackupNames.isTaken(jdbc, id.value());
  }
}
