package dev.backstep.job;

import dev.backstep.catalog.BackupRow;
import java.util.List;

/**
 * How far the disks of backups are, wherever they run. Of those that run in this process it is what
 * they have done by now, of others what they last told the database. Safe for use by many threads.
 */
public interface LiveProgress {

  /**
   * Where each disk stands, by disk id.
   *
   * @param backup as it was just read
   */
  List<DiskProgress> of(BackupRow backup);
}
