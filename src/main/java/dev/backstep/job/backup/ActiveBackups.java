package dev.backstep.job.backup;

import dev.backstep.domain.BackupId;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Component;

/** The backups that run in this process. Thread-safe. */
@Component
final class ActiveBackups {

  private final Map<BackupId, ActiveBackup> backups = new ConcurrentHashMap<>();

  void add(ActiveBackup backup) {
    backups.put(backup.id(), backup);
  }

  /** Another run of the same backup, begun since, stays. */
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
