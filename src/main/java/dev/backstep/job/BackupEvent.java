package dev.backstep.job;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import java.time.Duration;
import java.util.Optional;

/**
 * What this process did with a backup, published for whoever counts it. Each thing is published
 * once, by the process whose change of the catalog it was, and behind that change.
 */
public sealed interface BackupEvent {

  /** Bytes read from a source and bytes added to an image since the last one of this disk. */
  record Copied(long bytesRead, long bytesStored) implements BackupEvent {}

  /** A disk was completed, failed or stopped; a relaunch may end it once more. */
  record DiskEnded(BackupDiskRow disk) implements BackupEvent {}

  /**
   * A backup has ended; a relaunch may end it once more.
   *
   * @param ran how long since it was launched or relaunched; empty when another process ran it
   */
  record Ended(BackupRow backup, Optional<Duration> ran) implements BackupEvent {}
}
