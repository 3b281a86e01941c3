package dev.backstep.job.external;

import dev.backstep.backup.UnforcedImageException;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.domain.Status;
import dev.backstep.job.ExternalLeftovers;
import dev.backstep.job.Failures;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/**
 * Keeps a backup of this process going between the calls of its mover: exports that broke off begin
 * again, what a process that died could not end is ended. The caller has the VM's turn.
 * Thread-safe.
 */
@Component
class Serving {

  private static final Logger log = LoggerFactory.getLogger(Serving.class);

  private final MovedBackups moved;
  private final BackupQueries queries;
  private final ExternalLeftovers leftovers;
  private final Sealing sealing;
  private final Exports exports;
  private final TurnLocks turns;

  Serving(
      MovedBackups moved,
      BackupQueries queries,
      ExternalLeftovers leftovers,
      Sealing sealing,
      Exports exports,
      TurnLocks turns) {
    this.moved = moved;
    this.queries = queries;
    this.leftovers = leftovers;
    this.sealing = sealing;
    this.exports = exports;
    this.turns = turns;
  }

  /**
   * Goes on with a backup that this process has taken.
   *
   * @throws IOException when an export cannot be begun, or the restore point cannot be published
   */
  void goOn(BackupRow taken, long leaseToken) throws IOException {
    BackupRow row = queries.backup(taken.id());
    if (Sealing.isWhole(row)) {
      sealing.sealIfWhole(row.id());
      return;
    }
    Repository repository = Sealing.repository(row);
    List<BackupDiskRow> unfinished =
        row.disks().stream().filter(disk -> disk.status() != Status.COMPLETED).toList();
    for (BackupDiskRow disk : unfinished) {
      if (!repository.disk(row.vmId(), disk.diskId()).knows(disk.id())) {
        giveUp(row, "the image of disk " + disk.diskId() + " is not there");
        return;
      }
    }
    if (moved.state(row.id()).exports()) {
      for (BackupDiskRow disk : unfinished) {
        export(repository.disk(row.vmId(), disk.diskId()), disk, leaseToken);
      }
    }
  }

  /** Not while the disk is being completed: its export was ended for good then. */
  private void export(DiskFolder folder, BackupDiskRow disk, long leaseToken) throws IOException {
    Optional<TurnLocks.Hold> turn = turns.tryHold(disk.id());
    if (turn.isEmpty()) {
      return;
    }
    try (TurnLocks.Hold _ = turn.get()) {
      boolean unfinished =
          queries.disk(disk.backupId(), disk.diskId()).status() != Status.COMPLETED;
      if (unfinished
          && exports.uri(disk.id()).isEmpty()
          && Files.exists(folder.partial(disk.id()))) {
        exports.begin(disk.id(), folder.partial(disk.id()), leaseToken);
      }
    }
  }

  /**
   * Fails a backup of which an image could not be forced: gone on with, it would take for clean
   * what is lost. Takes the VM's turn itself.
   *
   * @return why, for its mover
   */
  String giveUp(BackupRow row, UnforcedImageException cause) {
    String text = Failures.text(cause) + "; the backup is given up: begin a new one";
    try (TurnLocks.Hold _ = turns.hold(row.vmId())) {
      giveUp(row, text);
    } catch (IOException e) {
      cause.addSuppressed(e); // what it leaves is cleared away with the VM's next backup
    }
    return text;
  }

  /** Fails a backup that cannot go on. */
  void giveUp(BackupRow row, String error) throws IOException {
    giveUp(row, error, now -> true);
  }

  /** Fails a backup whose mover is silent past its deadline. */
  void giveUpIfSilent(BackupRow row) throws IOException {
    giveUp(
        row,
        "its mover gave no sign of life until its deadline; begin a new backup",
        now -> moved.isSilent(now.id()));
  }

  private void giveUp(BackupRow row, String error, Predicate<BackupRow> still) throws IOException {
    boolean ended =
        leftovers.giveUp(
            row.id(),
            Status.FAILED,
            Optional.of(error),
            now -> now.status() == Status.RUNNING && !Sealing.isWhole(now) && still.test(now));
    if (ended) {
      log.warn("{}: {}", row.id(), error);
      row.disks().forEach(disk -> exports.drop(disk.id()));
    }
  }
}
