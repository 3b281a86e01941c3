package dev.backstep.domain;

/** Why a disk backup has its level. */
public enum Reason {
  /** The operator or the job definition asked for a full backup. */
  REQUESTED(Level.FULL),
  /** No disk of this VM has a completed backup in this repository. */
  NO_BASELINE(Level.FULL),
  /** Other disks of this VM have completed backups here, this one has none. */
  NEW_DISK(Level.FULL),
  /** The source cannot answer for the last change id any more. */
  CBT_RESET(Level.FULL),
  /** The source tracks no changes of this disk, or gave no change id last time. */
  CBT_UNAVAILABLE(Level.FULL),
  /** Asking for the changed extents failed. */
  CBT_QUERY_FAILED(Level.FULL),
  /** The disk's size changed in a way that its change tracking does not cover. */
  DISK_RESIZED(Level.FULL),
  /** The newest completed image, or one that it needs, is not in the repository any more. */
  BASE_MISSING(Level.FULL),
  /** The newest completed image, or one that it needs, is damaged. */
  BASE_FAILED_VERIFY(Level.FULL),
  /** The chain has reached the configured limit. */
  CHAIN_TOO_LONG(Level.FULL),
  /** Blocks that change tracking called unchanged had changed. */
  CBT_AUDIT_FAILED(Level.FULL),
  /** The source told what changed. */
  CHANGED_EXTENTS(Level.INCREMENTAL),
  /** The whole disk was read and compared with the chain. */
  COMPARED(Level.INCREMENTAL);

  private final Level level;

  Reason(Level level) {
    this.level = level;
  }

  /** The level that this reason belongs to. */
  public Level level() {
    return level;
  }
}
