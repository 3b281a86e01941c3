package dev.backstep.job;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Removals;
import dev.backstep.catalog.Transactions;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Deletes restore points that nothing stands on. In this order, so that whatever is there at any
 * moment is true: the catalog forgets restore point and change ids, the repository its restore
 * point, then each image and its manifest; at last the catalog notes that nothing is left. Whoever
 * finds one half done goes on with it; several may at the same time. Thread-safe.
 */
@Component
public class RestorePointRemoval {

  private static final Logger log = LoggerFactory.getLogger(RestorePointRemoval.class);

  /** What is done at once or not at all; again it does nothing. */
  interface Step {
    void run() throws IOException;
  }

  private final Transactions transactions;
  private final Removals removals;
  private final BackupQueries queries;
  private final KeptPoints points;
  private final RepositoryLocks locks;

  RestorePointRemoval(
      PlatformTransactionManager manager,
      Removals removals,
      BackupQueries queries,
      KeptPoints points,
      RepositoryLocks locks) {
    this.locks = locks;
    this.transactions = new Transactions(manager);
    this.removals = removals;
    this.queries = queries;
    this.points = points;
  }

  /**
   * Deletes a restore point, or what an abandoned backup has left of images. One that is deleted
   * already stays so.
   *
   * @param id the backup's
   * @throws OperatorException NOT_FOUND; USAGE when it is a disk backup's id; BUSY when its VM has
   *     a backup that runs or waits; CONFLICT when it is pinned, has not ended for good or an image
   *     stands on one of its; FAILED when the repository cannot be opened, or a file not be
   *     removed: the latter is gone on with by whoever runs jobs next
   */
  public void delete(String id) {
    delete(id, row -> {});
  }

  /**
   * As {@link #delete(String)}, unless there is more that speaks against it.
   *
   * @param check throws what that is; asked of one that is whole still, while no backup of its VM
   *     begins
   */
  public void delete(String id, Consumer<BackupRow> check) {
    BackupRow row =
        queries
            .find(id)
            .orElseThrow(() ->
                OperatorException.notFound(
                    id + ": no such backup; `backstep list` shows the backups"));
    if (!row.id().value().equals(id)) {
      throw OperatorException.usage(
          id + " is one disk's part of " + row.id() + "; restore points go whole: name that", null);
    }
    try {
      Repository repository = repository(row);
      forget(row.id(), repository, check);
      removeFiles(row.id(), repository);
    } catch (VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  private void removeFiles(BackupId id, Repository repository) {
    try {
      run(steps(queries.backup(id), repository));
    } catch (IOException e) {
      throw OperatorException.failed(
          id
              + " is no restore point any more, but files of it are left: "
              + Failures.text(e)
              + "; delete it again when that is repaired, or let the next start do it",
          e);
    }
  }

  /** Goes on with whatever was begun and not finished; what is in the way now stays for later. */
  public void finish() {
    for (BackupId id : removals.unfinished()) {
      try {
        BackupRow row = queries.backup(id);
        run(steps(row, repository(row)));
      } catch (IOException e) {
        log.warn("{} is deleted, but files of it are left: {}", id, Failures.text(e));
      }
    }
  }

  private static void run(List<Step> steps) throws IOException {
    for (Step step : steps) {
      step.run();
    }
  }

  /** The first step. */
  void forget(BackupId id, Repository repository, Consumer<BackupRow> check) throws IOException {
    transactions.in(() -> {
      removals.lock(id);
      BackupRow row = queries.backup(id);
      if (!isGoing(row)) {
        requireEnded(row);
        requireUnpinned(row);
        requireMutable(row, repository);
        requireNothingOn(row, repository);
        check.accept(row);
        removals.begin(id);
        log.info("{} is deleted", id);
      }
      return row;
    });
  }

  private static boolean isGoing(BackupRow row) {
    return row.status() == Status.DELETING || row.status() == Status.DELETED;
  }

  private static void requireEnded(BackupRow row) {
    if (row.status() != Status.COMPLETED && row.status() != Status.ABANDONED) {
      throw OperatorException.conflict(
          row.id()
              + " is "
              + row.status()
              + " and no restore point; `backstep executions abandon` clears what it left",
          null);
    }
  }

  private void requireUnpinned(BackupRow row) {
    if (points.isPinned(row.id())) {
      throw OperatorException.conflict(
          row.id() + " is pinned; `backstep unpin " + row.id() + "` lets it go", null);
    }
  }

  private static void requireMutable(BackupRow row, Repository repository) throws IOException {
    if (repository.holds(row.vmId(), row.id())) {
      RestorePoint point = repository.restorePoint(row.vmId(), row.id());
      if (point.isImmutable(Instant.now())) {
        throw OperatorException.conflict(
            row.id() + " is immutable until " + point.immutableUntil(), null);
      }
    }
  }

  private void requireNothingOn(BackupRow row, Repository repository) throws IOException {
    Optional<BackupDiskRow> other = removals.standingOn(row.id());
    if (other.isPresent()) {
      throw standing(row, other.get().backupId().value(), other.get().id().value());
    }
    // Images that this catalog does not know, as those of another installation.
    for (BackupDiskRow disk : row.disks()) {
      if (disk.status() == Status.COMPLETED) {
        var on = folder(repository, row, disk).standingOn(disk.id());
        if (on.isPresent()) {
          throw standing(row, on.get().backupId(), on.get().diskBackupId());
        }
      }
    }
  }

  private static OperatorException standing(BackupRow row, String backup, String diskBackup) {
    return OperatorException.conflict(
        row.id()
            + ": "
            + backup
            + " needs it: its image "
            + diskBackup
            + " stands on it; delete "
            + backup
            + " first",
        null);
  }

  /** The other steps, in order. */
  List<Step> steps(BackupRow row, Repository repository) {
    List<Step> steps = new ArrayList<>();
    steps.add(() -> repository.withdraw(row.vmId(), row.id()));
    for (BackupDiskRow disk : row.disks()) {
      if (disk.status() == Status.DELETED) {
        DiskFolder folder = folder(repository, row, disk);
        steps.add(() -> folder.removeImage(disk.id()));
        steps.add(() -> folder.removeManifest(disk.id()));
      }
    }
    steps.add(() -> removals.finished(row.id()));
    return steps;
  }

  private static DiskFolder folder(Repository repository, BackupRow row, BackupDiskRow disk) {
    return repository.disk(row.vmId(), disk.diskId());
  }

  private Repository repository(BackupRow row) throws IOException {
    Repository repository =
        Repository.open(
            Path.of(row.repositoryPath()), row.repositoryId(), "in which " + row.id() + " is");
    return locks.take(repository);
  }
}
