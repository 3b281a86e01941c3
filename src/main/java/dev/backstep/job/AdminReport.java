package dev.backstep.job;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** The questions of administrators; {@link AdminReports} answers them. */
public enum AdminReport {
  /** What runs now: the rate of each disk, the time left, the slowest one. */
  RUNNING,
  /** Backups that failed and were not relaunched since. */
  FAILED,
  /** What the tables call running and no living process runs. */
  STUCK,
  /** Backups by how long their last execution took. */
  LONGEST,
  /** Completed disk backups with their rates over time. */
  THROUGHPUT,
  /** The completed disk backups of one disk: change ids, images, parents, reasons. */
  LINEAGE,
  /** VMs without a restore point that is new enough. */
  STALE,
  /** Full copies with their reasons. */
  FULLS,
  /** Starts of schedules that became no backup. */
  MISSED;

  /** As it is typed, and named in a path. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static Optional<AdminReport> ofWord(String word) {
    return Stream.of(values()).filter(report -> report.word().equals(word)).findFirst();
  }
}
