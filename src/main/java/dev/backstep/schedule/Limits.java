package dev.backstep.schedule;

import dev.backstep.catalog.BackupQueue.Load;
import dev.backstep.catalog.DueBackup;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How many more backups may begin now, counted down as they do. For one thread. */
final class Limits {

  private final ScheduleSettings settings;
  private final Map<String, Integer> byHost = new HashMap<>();
  private final Map<String, Integer> byRepository = new HashMap<>();
  private int all;

  Limits(ScheduleSettings settings, List<Load> running) {
    this.settings = settings;
    running.forEach(load -> count(load.repository().value(), load.sourceHost()));
  }

  /** Why a backup may not begin now; empty when it may. */
  Optional<String> refusal(DueBackup backup) {
    if (all >= settings.maxBackups()) {
      return Optional.of(
          reached("max-backups", settings.maxBackups()) + Obstacle.MAX_BACKUPS.words());
    }
    int repository = byRepository.getOrDefault(backup.repository().value(), 0);
    if (repository >= settings.maxBackupsPerRepository()) {
      return Optional.of(
          reached("max-backups-per-repository", settings.maxBackupsPerRepository())
              + Obstacle.REPOSITORY.words()
              + backup.repository());
    }
    return backup
        .sourceHost()
        .filter(host -> byHost.getOrDefault(host, 0) >= settings.maxBackupsPerHost())
        .map(host ->
            reached("max-backups-per-host", settings.maxBackupsPerHost())
                + Obstacle.HOST.words()
                + host);
  }

  void begins(DueBackup backup) {
    count(backup.repository().value(), backup.sourceHost());
  }

  private void count(String repository, Optional<String> host) {
    all++;
    byRepository.merge(repository, 1, Integer::sum);
    host.ifPresent(name -> byHost.merge(name, 1, Integer::sum));
  }

  private static String reached(String property, int limit) {
    return "a free place: backstep.server." + property + " allows " + limit;
  }
}
