package dev.backstep.monitor;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.LoginRefused;
import dev.backstep.domain.Level;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.schedule.FireTaken;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/**
 * Counts what this process does. Counters of several servers of a database are added up: each thing
 * is counted by the one that did it.
 */
@Component
final class ProcessMeters {

  private static final String NONE = "none";

  private static final Duration[] BACKUP_BUCKETS = {
    Duration.ofMinutes(1),
    Duration.ofMinutes(5),
    Duration.ofMinutes(15),
    Duration.ofMinutes(30),
    Duration.ofHours(1),
    Duration.ofHours(2),
    Duration.ofHours(4),
    Duration.ofHours(8),
    Duration.ofHours(24)
  };

  private static final Duration[] LAG_BUCKETS = {
    Duration.ofSeconds(1),
    Duration.ofSeconds(5),
    Duration.ofSeconds(15),
    Duration.ofMinutes(1),
    Duration.ofMinutes(5),
    Duration.ofMinutes(30),
    Duration.ofHours(2)
  };

  private final MeterRegistry registry;
  private final Counter bytesRead;
  private final Counter bytesStored;
  private final Timer lag;
  private final Counter loginsSlowed;
  private final Counter loginsWrong;

  ProcessMeters(MeterRegistry registry) {
    this.registry = registry;
    this.bytesRead =
        Counter.builder("backstep.backup.read")
            .baseUnit("bytes")
            .description("Bytes read from sources")
            .register(registry);
    this.bytesStored =
        Counter.builder("backstep.backup.stored")
            .baseUnit("bytes")
            .description("Bytes added to images in repositories")
            .register(registry);
    this.lag =
        Timer.builder("backstep.fire.lag")
            .description("How long after its time a scheduled start was acted on")
            .serviceLevelObjectives(LAG_BUCKETS)
            .register(registry);
    this.loginsSlowed = logins(true);
    this.loginsWrong = logins(false);
    // Who looks for an increase does not see the first failure of a counter that it begins.
    for (Status result : List.of(Status.COMPLETED, Status.FAILED, Status.STOPPED)) {
      for (String level : List.of(Level.FULL.word(), Level.INCREMENTAL.word(), NONE)) {
        for (Origin origin : Origin.values()) {
          backups(result, level, origin);
        }
      }
      for (Reason reason : Reason.values()) {
        disks(result, reason.level().word(), reason.name());
      }
    }
  }

  private Counter logins(boolean slowed) {
    return Counter.builder("backstep.logins.refused")
        .description("Requests with a token that is unknown or revoked")
        .tag("slowed", String.valueOf(slowed))
        .register(registry);
  }

  private Counter backups(Status result, String level, Origin origin) {
    return Counter.builder("backstep.backups")
        .description("Backups that ended, relaunched ones each time")
        .tag("result", word(result))
        .tag("level", level)
        .tag("origin", origin.name().toLowerCase(Locale.ROOT))
        .register(registry);
  }

  private Counter disks(Status result, String level, String reason) {
    return Counter.builder("backstep.disk.backups")
        .description("Disk backups that ended, relaunched ones each time")
        .tag("result", word(result))
        .tag("level", level)
        .tag("reason", reason)
        .register(registry);
  }

  @EventListener
  void fired(FireTaken fire) {
    lag.record(fire.lag().isNegative() ? Duration.ZERO : fire.lag());
  }

  @EventListener
  void refused(LoginRefused login) {
    (login.slowed() ? loginsSlowed : loginsWrong).increment();
  }

  @EventListener
  void happened(BackupEvent event) {
    switch (event) {
      case BackupEvent.Copied(long read, long stored) -> {
        bytesRead.increment(read);
        bytesStored.increment(stored);
      }
      case BackupEvent.DiskEnded(BackupDiskRow disk) -> diskEnded(disk);
      case BackupEvent.Ended ended -> ended(ended);
    }
  }

  private void diskEnded(BackupDiskRow disk) {
    if (!hasEnded(disk.status())) {
      return;
    }
    disks(
            disk.status(),
            disk.level().map(Level::word).orElse(NONE),
            disk.reason().map(Reason::name).orElse(NONE))
        .increment();
  }

  private void ended(BackupEvent.Ended event) {
    BackupRow backup = event.backup();
    if (!hasEnded(backup.status())) {
      return; // another process has it by now, and counts it
    }
    backups(backup.status(), level(backup), backup.launch().origin()).increment();
    event
        .ran()
        .ifPresent(ran ->
            Timer.builder("backstep.backup.duration")
                .description("How long backups ran that ended in this process")
                .tag("result", word(backup.status()))
                .serviceLevelObjectives(BACKUP_BUCKETS)
                .register(registry)
                .record(ran));
  }

  /** Full as soon as one disk is. */
  private static String level(BackupRow backup) {
    Set<Level> levels =
        backup.disks().stream().flatMap(disk -> disk.level().stream()).collect(Collectors.toSet());
    if (levels.isEmpty()) {
      return NONE;
    }
    return levels.contains(Level.FULL) ? Level.FULL.word() : Level.INCREMENTAL.word();
  }

  private static boolean hasEnded(Status status) {
    return status != Status.QUEUED && status != Status.PENDING && status != Status.RUNNING;
  }

  private static String word(Status status) {
    return status.name().toLowerCase(Locale.ROOT);
  }
}
