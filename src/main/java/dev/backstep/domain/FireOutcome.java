package dev.backstep.domain;

/** What became of a start that a schedule asked for. */
public enum FireOutcome {
  /** A server has it in hand; only for moments, or until a dead server's work is taken up. */
  PENDING,
  /** It became a backup. */
  QUEUED,
  /** It did not, and that is as it should be: the reason says why. */
  SKIPPED,
  /** It should have become a backup and could not: the reason says why. */
  FAILED
}
