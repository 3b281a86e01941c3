package dev.backstep.domain;

/** What came of a restore test. */
public enum TestVerdict {
  /** It has not ended. */
  PENDING,
  /** All signs of life were seen. */
  PASSED,
  /** They were not, or not in time. */
  FAILED
}
