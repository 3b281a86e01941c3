package dev.backstep.schedule;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Continuations;
import dev.backstep.domain.BackupId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Backups and the end of their window: those that run are stopped at a chunk, those that wait move
 * to the next window, as long as their snapshot is held until then. For one thread.
 */
final class WindowEnd {

  private static final Logger log = LoggerFactory.getLogger(WindowEnd.class);

  private final BackupQueries queries;
  private final BackupQueue queue;
  private final Continuations continuations;
  private final BackupJobs jobs;

  /** Asked to stop, and not yet at their next chunk. */
  private final Set<BackupId> asked = new HashSet<>();

  WindowEnd(
      BackupQueries queries, BackupQueue queue, Continuations continuations, BackupJobs jobs) {
    this.queries = queries;
    this.queue = queue;
    this.continuations = continuations;
    this.jobs = jobs;
  }

  /** Stops what runs under a lease past its window, having written down when it goes on. */
  void stopRunning(long leaseToken, Instant now) {
    List<BackupId> past = continuations.toStop(leaseToken, now);
    asked.retainAll(past);
    for (BackupId id : past) {
      if (asked.contains(id)) {
        continue;
      }
      BackupRow row = queries.backup(id);
      // With a start to come it was decided on before, by us or by a shutdown.
      if (row.launch().startAfter().isEmpty()) {
        decide(row, now);
      }
      if (stop(id)) {
        asked.add(id);
      }
    }
  }

  private void decide(BackupRow row, Instant now) {
    Optional<Opening> next;
    try {
      next = next(row, now);
    } catch (JobDefinitionException e) {
      log.warn("{}: its window ends; {}", row.id(), unreadable(e));
      continuations.note(row.id(), "its window ended; " + unreadable(e));
      return;
    }
    if (next.isPresent() && holdsUntil(row, next.get())) {
      log.info("{}: its window ends; it goes on at {}", row.id(), next.get().start());
      continuations.afterStop(row.id(), next.get().start(), Optional.of(next.get().end()));
    } else {
      log.warn("{}: its window ends; {}", row.id(), tooOld(row));
      continuations.note(row.id(), "its window ended; " + tooOld(row));
    }
  }

  private boolean stop(BackupId id) {
    try {
      jobs.stop(id.value());
      return true;
    } catch (OperatorException e) {
      // It has only just begun, or is about to end.
      log.debug("{} cannot be stopped yet: {}", id, e.getMessage());
      return false;
    }
  }

  /**
   * Moves a waiting backup to the next window, when its own is over. One whose definition cannot be
   * read any more, as when another release has stored it, is left to operators.
   *
   * @param leaseToken of this process
   * @return whether it may begin now
   */
  boolean admits(BackupId waiting, long leaseToken, Instant now) {
    BackupRow row = queries.backup(waiting);
    try {
      return admits(row, next(row, now), now);
    } catch (JobDefinitionException e) {
      String note = "its window is over; " + unreadable(e);
      log.error("{}: {}", waiting, note);
      if (!queue.cancel(waiting, leaseToken, Optional.of(note))) {
        continuations.notAgain(waiting, note);
      }
      return false;
    }
  }

  private boolean admits(BackupRow row, Optional<Opening> next, Instant now) {
    BackupId waiting = row.id();
    if (next.isEmpty()) {
      return queue.later(waiting, now, Optional.empty());
    }
    if (!holdsUntil(row, next.get())) {
      log.warn("{}: its window is over; {}", waiting, tooOld(row));
      continuations.notAgain(waiting, "its window is over; " + tooOld(row));
      return false;
    }
    boolean open = next.get().holds(now);
    return queue.later(waiting, open ? now : next.get().start(), Optional.of(next.get().end()))
        && open;
  }

  private static Optional<Opening> next(BackupRow row, Instant now) {
    return JobDefinitions.read(row.definition())
        .schedule()
        .flatMap(schedule -> Opening.atOrAfter(schedule, now));
  }

  private static String unreadable(JobDefinitionException cause) {
    return "the definition that it was started with cannot be read: " + cause.getMessage();
  }

  /** One without a snapshot takes a new one whenever it begins. */
  private static boolean holdsUntil(BackupRow row, Opening next) {
    return row.snapshotHandle().isEmpty()
        || row.snapshotKeepUntil().filter(until -> until.isBefore(next.start())).isEmpty();
  }

  private static String tooOld(BackupRow row) {
    return row.snapshotKeepUntil()
        .map(until -> "its snapshot is held until " + until + " only, before the next window opens")
        .orElse("it has no next one");
  }
}
