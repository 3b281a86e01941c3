package dev.backstep.schedule;

import dev.backstep.catalog.FireRow;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.OperatorException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * The schedules of all VMs, the same on each server of a database. Safe for use by many threads.
 */
public interface Schedules {

  /**
   * A page of schedules by VM name.
   *
   * @param nextFires how many of the next fires each is to have, 0 to 100
   * @throws OperatorException USAGE when the page's place is unknown
   */
  Page<Schedule> page(int nextFires, PageRequest request);

  /**
   * One VM's schedule.
   *
   * @throws OperatorException NOT_FOUND when the VM has none
   */
  Schedule schedule(String vmName, int nextFires);

  /**
   * Lets a schedule fire no more; backups that wait or run go on. A paused one stays as it is.
   *
   * @throws OperatorException NOT_FOUND when the VM has none
   */
  void pause(String vmName);

  /**
   * Lets a paused schedule fire again, from its next time on: what was due while it was paused is
   * not made up for.
   *
   * @throws OperatorException NOT_FOUND when the VM has none
   */
  void resume(String vmName);

  /**
   * Puts a backup in the queue as the schedule would do now, outside of its window, too, and also
   * when it is paused.
   *
   * @param level in place of the definition's
   * @param requestedBy who asked for it
   * @throws OperatorException NOT_FOUND when the VM has no schedule; USAGE when it is a selection
   *     of VMs; BUSY when a backup of it runs or waits; as {@link
   *     dev.backstep.job.BackupJobs#enqueue} otherwise
   */
  BackupId runNow(String vmName, Optional<RequestedLevel> level, Optional<String> requestedBy);

  /**
   * What became of the starts that schedules asked for, newest first.
   *
   * @param vmName only this VM's
   * @param since scheduled at this time or later
   * @throws OperatorException USAGE when the page's place is unknown
   */
  Page<FireRow> fires(Optional<String> vmName, Instant since, PageRequest request);

  /**
   * A page of the starts that were due and of which no server has any record, by VM and time. Times
   * at which a schedule was paused, did not exist or was another one do not count.
   *
   * @param since due at this time or later
   * @param grace due at least so long ago, since servers need a moment
   * @throws OperatorException USAGE when the page's place is unknown
   */
  Page<MissedFire> missed(Instant since, Duration grace, PageRequest request);

  /**
   * Reads the folder of job definitions and adds, changes and removes schedules accordingly; those
   * that are the same are not touched. A file that cannot be used is reported, and its schedule
   * stays as it was.
   *
   * @throws OperatorException FAILED when the folder cannot be read; nothing is changed then
   */
  Reload reload();
}
