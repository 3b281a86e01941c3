package dev.backstep.domain;

/** Where a backup or a disk backup stands. */
public enum Status {
  /** A backup that waits for a server to begin it, or to go on with it. */
  QUEUED,
  /** A disk backup that has not begun. */
  PENDING,
  RUNNING,
  COMPLETED,
  FAILED,
  /** Stopped by an operator or a shutdown; can be relaunched. */
  STOPPED,
  /** Given up: never relaunched, its partial images are gone. */
  ABANDONED,
  /** A restore point that is one no longer; files of it may be left. */
  DELETING,
  /** A restore point, or a disk backup, that was deleted with all its files. */
  DELETED
}
