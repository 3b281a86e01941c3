package dev.backstep.backup;

/** Which of a disk's bytes a restore writes. */
public enum RestoreScope {
  /** All of them; what holds no data is made to read as zeros. */
  ALL,
  /** Those that differ from what the target holds, which is read for it. */
  DIFFERING,
  /** Those that differ between two restore points, of which the target holds the other one. */
  SINCE
}
