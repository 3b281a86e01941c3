package dev.backstep.domain;

import java.time.Duration;

/**
 * How much of what change tracking calls unchanged an incremental backup reads all the same.
 *
 * @param sample ranges of 64 KiB, picked at random, in every incremental; 0 for none
 * @param allWithin the time in which every byte of a disk is read at least once, by parts that go
 *     round the disk; zero for none
 */
public record CbtAuditDefinition(int sample, Duration allWithin) {

  /** What holds where nothing else is said. */
  public static final CbtAuditDefinition STANDARD =
      new CbtAuditDefinition(256, Duration.ofDays(28));

  /** Whether anything is read at all. */
  public boolean isOff() {
    return sample == 0 && allWithin.isZero();
  }
}
