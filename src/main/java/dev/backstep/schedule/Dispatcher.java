package dev.backstep.schedule;

import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.DueBackup;
import dev.backstep.catalog.Fires;
import dev.backstep.domain.BackupId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.LogFields;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.QueueChanged;
import dev.backstep.job.TaskJobs;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.event.EventListener;

/**
 * Begins what waits in the queue, as far as limits and windows allow, on whichever server is first;
 * goes on with what failed, was stopped by the clock, or was run by a process that died.
 */
final class Dispatcher implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(Dispatcher.class);

  private static final Duration ROUND = Duration.ofSeconds(1);
  private static final Duration RECOVERY_ROUND = Duration.ofSeconds(5);

  /** Longer than it takes to make a fire a backup. */
  private static final Duration PENDING_MAX = Duration.ofMinutes(2);

  private static final Duration BEGIN_MAX = Duration.ofSeconds(20);

  private final BackupJobs jobs;
  private final TaskJobs tasks;
  private final BackupQueue queue;
  private final Continuations continuations;
  private final WindowEnd windows;
  private final Fires fires;
  private final FireRecorder recorder;
  private final GapFires gaps;
  private final ProcessLease lease;
  private final ScheduleSettings settings;
  private final Clock clock;
  private final Rounds rounds = new Rounds("dispatcher", ROUND, this::round);
  private final Rounds recovery = new Rounds("recovery", RECOVERY_ROUND, this::recover);

  /** Apart, for a source that hangs must not keep backups of other ones from being gone on with. */
  private final Rounds snapshots;

  /** Taken for this process, and being opened by a thread of its own. */
  private final Set<BackupId> beginning = ConcurrentHashMap.newKeySet();

  private volatile boolean running;

  Dispatcher(
      BackupJobs jobs,
      TaskJobs tasks,
      BackupQueue queue,
      Continuations continuations,
      WindowEnd windows,
      Fires fires,
      FireRecorder recorder,
      GapFires gaps,
      ProcessLease lease,
      ScheduleSettings settings,
      Clock clock) {
    this.jobs = jobs;
    this.tasks = tasks;
    this.queue = queue;
    this.continuations = continuations;
    this.windows = windows;
    this.fires = fires;
    this.recorder = recorder;
    this.gaps = gaps;
    this.lease = lease;
    this.settings = settings;
    this.clock = clock;
    this.snapshots = new Rounds("snapshots", RECOVERY_ROUND, jobs::closeSnapshots);
  }

  /** What a process that died has left is put right before anything begins. */
  @Override
  public void start() {
    jobs.recoverDead();
    running = true;
    rounds.start();
    recovery.start();
    snapshots.start();
  }

  /** Begins nothing any more; what runs goes on. */
  @Override
  public void stop() {
    rounds.close();
    recovery.close();
    snapshots.close();
    awaitBeginning();
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /** Like the scheduler, stopped before the backups are. */
  @Override
  public int getPhase() {
    return Integer.MAX_VALUE;
  }

  /** Looks at once whether something may begin. */
  @EventListener
  void queueChanged(QueueChanged event) {
    rounds.wake();
  }

  void round() {
    // Outside of any transaction: a lease that is rolled back would leave us without knowing.
    long token = lease.token();
    windows.stopRunning(token, clock.instant());
    continuations.retryFailed();
    List<BackupId> taken = new ArrayList<>();
    try {
      queue.inTurn(() -> take(token, taken));
    } catch (RuntimeException e) {
      // The database may have committed them all the same: then they are recovered as dropped ones.
      taken.forEach(jobs::drop);
      throw e;
    }
    taken.forEach(this::begin);
  }

  private List<BackupId> take(long token, List<BackupId> taken) {
    Instant now = clock.instant();
    List<DueBackup> due = queue.due(now);
    if (due.isEmpty()) {
      return taken;
    }
    Limits limits = new Limits(settings, queue.load());
    for (DueBackup backup : due) {
      if (backup.stopAt().filter(end -> !end.isAfter(now)).isPresent()
          && !windows.admits(backup.id(), token, now)) {
        continue;
      }
      Optional<String> obstacle =
          backup
              .busyWith()
              .map(other -> other + Obstacle.VM.words())
              .or(() -> limits.refusal(backup));
      if (obstacle.isPresent()) {
        queue.waits(backup, obstacle.get());
      } else if (jobs.take(backup.id())) {
        limits.begins(backup);
        taken.add(backup.id());
      }
    }
    return taken;
  }

  /** By a thread of its own: a repository or source that hangs must not hold up the others. */
  private void begin(BackupId id) {
    beginning.add(id);
    Thread.ofPlatform()
        .daemon()
        .name("begin-" + id)
        .start(
            LogFields.of(
                id,
                () -> {
                  try {
                    jobs.begin(id);
                  } catch (OperatorException e) {
                    log.warn("{} could not begin: {}", id, e.getMessage());
                  } catch (RuntimeException e) {
                    log.error("{} could not begin; it is recovered and gone on with", id, e);
                    jobs.drop(id);
                  } finally {
                    beginning.remove(id);
                    rounds.wake();
                  }
                }));
  }

  void recover() {
    Rounds.each(
        List.<Runnable>of(
            jobs::recoverBackups,
            tasks::recoverDead,
            gaps::round,
            recorder::retry,
            () -> Rounds.each(fires.pending(clock.instant().minus(PENDING_MAX)), recorder::takeUp)),
        Runnable::run);
  }

  private void awaitBeginning() {
    long end = System.nanoTime() + BEGIN_MAX.toNanos();
    try {
      while (!beginning.isEmpty() && System.nanoTime() < end) {
        Thread.sleep(Duration.ofMillis(20));
      }
    } catch (InterruptedException e) {
      log.warn("not waited for {}, since this thread was interrupted", beginning);
    }
  }
}
