package dev.backstep.job.external;

import dev.backstep.backup.MovedImage;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.MoverState;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.ExternalBackups.Completion;
import dev.backstep.job.LogFields;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Completes one disk that a mover has copied: ends its export, checks the image, publishes it with
 * its manifest, and stores the change id in the transaction that makes it COMPLETED. Thread-safe.
 */
@Component
class DiskCompletion {

  private static final Logger log = LoggerFactory.getLogger(DiskCompletion.class);

  /** What a `qemu-nbd` may need to write what it holds in memory. */
  private static final Duration EXPORT_END_MAX = Duration.ofMinutes(10);

  private final Transactions transactions;
  private final MovedBackups moved;
  private final Backups backups;
  private final BackupQueries queries;
  private final Ownership ownership;
  private final Exports exports;
  private final TurnLocks turns;
  private final ApplicationEventPublisher events;

  DiskCompletion(
      PlatformTransactionManager manager,
      MovedBackups moved,
      Backups backups,
      BackupQueries queries,
      Ownership ownership,
      Exports exports,
      TurnLocks turns,
      ApplicationEventPublisher events) {
    this.transactions = new Transactions(manager);
    this.moved = moved;
    this.backups = backups;
    this.queries = queries;
    this.ownership = ownership;
    this.exports = exports;
    this.turns = turns;
    this.events = events;
  }

  /**
   * Whether the disk is completed as the mover says.
   *
   * @throws OperatorException CONFLICT when it is completed with another change id
   */
  static boolean isDone(BackupDiskRow disk, Completion completion) {
    if (disk.status() != Status.COMPLETED) {
      return false;
    }
    if (!disk.changeId().equals(completion.changeId())) {
      throw OperatorException.conflict(
          disk.id()
              + " is completed with "
              + disk.changeId().map(id -> "change id '" + id + "'").orElse("no change id")
              + ", which cannot become "
              + completion.changeId().map(id -> "'" + id + "'").orElse("none"),
          null);
    }
    return true;
  }

  /** See {@link dev.backstep.job.ExternalBackups#complete}. */
  void complete(BackupRow backup, int diskId, Completion completion) throws IOException {
    DiskBackupId id = queries.disk(backup.id(), diskId).id();
    try (TurnLocks.Hold _ = turns.hold(id);
        LogFields.Field _ = LogFields.disk(backup.id(), diskId)) {
      BackupDiskRow disk = queries.disk(backup.id(), diskId);
      if (!isDone(disk, completion)) {
        long token = ownership.take(backup.id());
        DiskFolder folder = Sealing.repository(backup).disk(backup.vmId(), diskId);
        endExport(backup, disk, folder, token, completion.interruptions());
        checkAndPublish(backup, disk, folder, token, completion);
        log.info("{}: completed by its mover", id);
      }
    }
  }

  private void checkAndPublish(
      BackupRow backup, BackupDiskRow disk, DiskFolder folder, long token, Completion completion)
      throws IOException {
    // A process that died between the image's last rename and the commit leaves the second.
    Path partial = folder.partial(disk.id());
    Path image = Files.exists(partial) ? partial : folder.image(disk.id());
    Path checksums = folder.partialChecksums(disk.id());
    ChecksumKind kind = JobDefinitions.read(backup.definition()).checksum();
    try {
      MovedImage.Checked checked =
          new MovedImage(disk.virtualSize(), disk.baseId()).check(image, checksums, kind);
      publish(backup, folder, token, completion, manifest(backup, disk, completion, checked, kind));
    } catch (IOException | RuntimeException e) {
      if (queries.backup(backup.id()).status() != Status.RUNNING) {
        // given up meanwhile, and cleared away before they were there
        DurableFiles.delete(checksums);
      }
      throw e;
    }
  }

  private void endExport(
      BackupRow backup, BackupDiskRow disk, DiskFolder folder, long token, int interruptions)
      throws IOException {
    MoverState state = moved.state(backup.id());
    requireAware(disk, exportOf(state, disk).breaks(), interruptions);
    if (!state.exports()) {
      return;
    }
    exports.end(disk.id(), EXPORT_END_MAX);
    if (exportOf(moved.state(backup.id()), disk).open()) {
      exports.begin(disk.id(), folder.partial(disk.id()), token);
      requireAware(disk, exportOf(moved.state(backup.id()), disk).breaks(), interruptions);
    }
  }

  private static MoverState.Export exportOf(MoverState state, BackupDiskRow disk) {
    return state.disks().getOrDefault(disk.id(), new MoverState.Export(false, 0));
  }

  private static void requireAware(BackupDiskRow disk, int breaks, int known) {
    if (breaks != known) {
      throw OperatorException.conflict(
          disk.id()
              + ": its export broke off "
              + breaks
              + " times, "
              + known
              + " are known to the mover; what was not flushed by then may be lost. Write it again"
              + " to the export that a keep-alive names, then complete with interruptions "
              + breaks,
          null);
    }
  }

  private void publish(
      BackupRow backup, DiskFolder folder, long token, Completion completion, DiskManifest manifest)
      throws IOException {
    DiskBackupId id = new DiskBackupId(manifest.diskBackupId());
    boolean ours;
    try (TurnLocks.Hold _ = turns.hold(backup.vmId())) {
      ours =
          transactions.in(() -> {
            moved.lock(backup.id());
            BackupRow now = queries.backup(backup.id());
            BackupDiskRow current = queries.disk(backup.id(), manifest.diskId());
            if (isDone(current, completion)) {
              return false; // by another process, which does what this one does
            }
            if (now.status() != Status.RUNNING) {
              throw Ownership.ended(now);
            }
            moved.lock(backup.id(), token);
            folder.publish(id, manifest);
            backups.completeDisk(
                id,
                token,
                completion.changeId(),
                manifest.image(),
                completion.bytesTransferred(),
                completion.bytesTransferred(),
                manifest.imageBytes(),
                manifest.kindOfChecksums());
            return true;
          });
    }
    if (ours) {
      events.publishEvent(
          new BackupEvent.Copied(completion.bytesTransferred(), manifest.imageBytes()));
      events.publishEvent(new BackupEvent.DiskEnded(queries.disk(backup.id(), manifest.diskId())));
    }
  }

  private static DiskManifest manifest(
      BackupRow backup,
      BackupDiskRow disk,
      Completion completion,
      MovedImage.Checked checked,
      ChecksumKind kind) {
    Reason reason = disk.reason().orElseThrow();
    return new DiskManifest(
        Repository.FORMAT,
        disk.id().value(),
        backup.id().value(),
        backup.repositoryId().value(),
        backup.vmId().value(),
        backup.vmName(),
        disk.diskId(),
        disk.diskKey().value(),
        disk.virtualSize(),
        disk.level().map(Level::word).orElseThrow(),
        reason.name(),
        disk.cause().isEmpty() ? null : disk.cause(),
        completion.changeId().map(ChangeId::value).orElse(null),
        disk.previousChangeId().map(ChangeId::value).orElse(null),
        disk.baseId().map(DiskBackupId::value).orElse(null),
        disk.chainLength(),
        DiskFolder.imageName(disk.id()),
        checked.imageBytes(),
        checked.dataBytes(),
        DiskFolder.checksumsName(disk.id()),
        checked.checksumsSha256(),
        kind.word(),
        backup.snapshotTakenAt().orElseThrow().toString(),
        Clock.systemUTC().instant().toString(),
        null,
        null);
  }
}
