package dev.backstep.job.external;

import dev.backstep.backup.UnforcedImageException;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Status;
import dev.backstep.job.Failures;
import dev.backstep.job.JobSettings;
import dev.backstep.job.LogFields;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Looks after backups of movers every second: takes up those of processes that died, gives up those
 * whose mover fell silent, and ends exports that are not this process's any more. When the program
 * ends, it ends the exports in an orderly way, so that movers lose nothing.
 */
@Component
class MoverWatch implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(MoverWatch.class);
  private static final long PERIOD_MILLIS = 1000;

  private final BackupQueries queries;
  private final MovedBackups moved;
  private final Ownership ownership;
  private final Serving serving;
  private final Exports exports;
  private final TurnLocks turns;
  private final Duration stopTimeout;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("mover-watch").factory());

  /** What is in the way of a backup, told once. */
  private final Map<BackupId, String> troubles = new HashMap<>();

  private volatile boolean running;

  MoverWatch(
      BackupQueries queries,
      MovedBackups moved,
      Ownership ownership,
      Serving serving,
      Exports exports,
      TurnLocks turns,
      JobSettings settings) {
    this.queries = queries;
    this.moved = moved;
    this.ownership = ownership;
    this.serving = serving;
    this.exports = exports;
    this.turns = turns;
    this.stopTimeout = settings.stopTimeout();
  }

  /** Looks once, then every second. */
  void begin() {
    try {
      exports.endLeftovers();
    } catch (IOException e) {
      log.warn("exports of a process that died may still run: {}", e.getMessage());
    }
    look();
    thread.scheduleWithFixedDelay(this::look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void look() {
    try {
      // Before the rows are read: what begins meanwhile is not taken for somebody else's.
      Set<DiskBackupId> held = exports.held();
      List<BackupRow> rows = queries.running(Mover.EXTERNAL);
      rows.forEach(this::look);
      troubles.keySet().retainAll(rows.stream().map(BackupRow::id).toList());
      if (!held.isEmpty()) {
        dropOthers(held, queries.running(Mover.EXTERNAL));
      }
    } catch (RuntimeException e) {
      log.warn("backups of movers could not be looked after: {}", e.getMessage());
    }
  }

  private void look(BackupRow row) {
    try (TurnLocks.Hold _ = turns.hold(row.vmId());
        LogFields.Field _ = LogFields.backup(row.id())) {
      boolean ours = ownership.isOurs(row);
      if (!ours && queries.ownerAlive(row.id())) {
        return;
      }
      if (moved.isSilent(row.id()) && !Sealing.isWhole(row)) {
        serving.giveUpIfSilent(row);
      } else if (ours || isHere(row)) {
        serving.goOn(row, ownership.take(row.id()));
      }
      troubles.remove(row.id());
    } catch (IOException | RuntimeException e) {
      // Whatever it is, those behind it in the list are looked after.
      String text = Failures.text(e);
      if (!text.equals(troubles.put(row.id(), text))) {
        log.warn("{}: {}", row.id(), text);
      }
    }
  }

  /** A mover reaches exports on its own host only. */
  private boolean isHere(BackupRow row) {
    return moved.state(row.id()).host().equals(ProcessIdentity.current().host());
  }

  private void dropOthers(Set<DiskBackupId> held, Collection<BackupRow> rows) {
    Set<DiskBackupId> others = new HashSet<>(held);
    rows.stream()
        .filter(ownership::isOurs)
        .flatMap(row -> row.disks().stream())
        .filter(disk -> disk.status() != Status.COMPLETED)
        .forEach(disk -> others.remove(disk.id()));
    others.forEach(exports::drop);
  }

  @Override
  public void start() {
    running = true;
  }

  @Override
  public void stop() {
    running = false;
    thread.shutdown();
    try {
      if (!thread.awaitTermination(stopTimeout.toMillis(), TimeUnit.MILLISECONDS)) {
        log.warn("the watch over movers did not end within {}", stopTimeout);
      }
    } catch (InterruptedException e) {
      log.warn("interrupted while the watch over movers ended", e);
    }
    for (DiskBackupId id : exports.held()) {
      try {
        exports.end(id, stopTimeout);
      } catch (UnforcedImageException e) {
        queries.find(id.value()).ifPresent(row -> serving.giveUp(row, e));
      } catch (IOException | RuntimeException e) {
        log.warn("{}: what its mover wrote may not be on disk: {}", id, e.getMessage());
      }
    }
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /** Behind the web server, whose last requests may complete disks. */
  @Override
  public int getPhase() {
    return 0;
  }
}
