package dev.backstep.cli;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Level;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Prints one backup as text or JSON. */
final class BackupPrinter {

  /** How far back the last full backup is looked for. */
  private static final int LOOK_BACK_BACKUPS = 1000;

  private final Session session;
  private final CommandOptions options;
  private final Engine engine;
  private @Nullable List<BackupRow> history;

  BackupPrinter(Session session, CommandOptions options, Engine engine) {
    this.session = session;
    this.options = options;
    this.engine = engine;
  }

  void print(BackupRow backup) {
    session
        .terminal()
        .result(
            options.json()
                ? BackupDocument.json(backup)
                : new BackupText(session.clock().getZone()).whole(backup, this::lastFull));
  }

  private OptionalLong lastFull(BackupRow backup, BackupDiskRow disk) {
    return history(backup.vmName()).stream()
        .filter(other -> other.repositoryId().equals(backup.repositoryId()))
        .filter(other -> !other.createdAt().isAfter(backup.createdAt()))
        .flatMap(other -> other.disks().stream())
        .filter(other -> other.diskId() == disk.diskId())
        .filter(other -> other.status() == Status.COMPLETED)
        .filter(other -> other.level().equals(Optional.of(Level.FULL)))
        .mapToLong(BackupDiskRow::bytesStored)
        .findFirst();
  }

  private List<BackupRow> history(String vmName) {
    List<BackupRow> found = history;
    if (found == null) {
      found = engine.list(Optional.of(vmName), LOOK_BACK_BACKUPS);
      history = found;
    }
    return found;
  }
}
