package dev.backstep.job;

import dev.backstep.catalog.VerificationRow;
import java.time.Duration;

/** A verification that runs, or ran, here or in a server. Safe for use by many threads. */
public interface VerifyRun {

  /** Its id. */
  String id();

  /** Where it stands. */
  VerificationRow state();

  /**
   * Waits for the end.
   *
   * @return whether it has ended within the time
   */
  boolean await(Duration timeout) throws InterruptedException;
}
