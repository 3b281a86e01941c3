package dev.backstep.job.backup;

import dev.backstep.domain.BackupId;
import dev.backstep.job.OperatorException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Component;

/** The backups that run in this process. Thread-safe. */
@Component
final class ActiveBackups {

  private static final String STILL_AT_WORK = ": an earlier run of it is still at work here";

  private final Map<BackupId, ActiveBackup> backups = new ConcurrentHashMap<>();

  /**
   * Of one backup a single run: an earlier one would go on with the lease and snapshot of the
   * later.
   *
   * @throws IllegalStateException when an earlier run of it has not ended in this process
   */
  void add(ActiveBackup backup) {
    if (backups.putIfAbsent(backup.id(), backup) != null) {
      throw new IllegalStateException(backup.id() + STILL_AT_WORK);
    }
  }

  /**
   * @throws OperatorException BUSY when an earlier run of it has not ended in this process
   */
  void requireNone(BackupId id) {
    if (find(id).isPresent()) {
      throw OperatorException.busy(id + STILL_AT_WORK + "; try again when it gives up", null);
    }
  }

  void remove(ActiveBackup backup) {
    backups.remove(backup.id(), backup);
  }

  /**
   * @throws IllegalStateException when that backup does not run in this process
   */
  ActiveBackup get(BackupId id) {
    ActiveBackup backup = backups.get(id);
    if (backup == null) {
      throw new IllegalStateException(id + " does not run in this process; relaunch it");
    }
    return backup;
  }

  Optional<ActiveBackup> find(BackupId id) {
    return Optional.ofNullable(backups.get(id));
  }

  Collection<ActiveBackup> all() {
    return List.copyOf(backups.values());
  }
}
