package dev.backstep.domain;

import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/**
 * When a VM is backed up. Times and dates are those of the zone.
 *
 * @param cron a Quartz cron expression of six or seven fields
 * @param jitter a start is delayed by up to this much
 * @param blackOuts days on which nothing starts, ascending
 * @param retries how often a failed backup is gone on with, 0 for never
 * @param retryPause from a failure to the next try
 */
public record ScheduleDefinition(
    String cron,
    ZoneId zone,
    Duration jitter,
    Misfire misfire,
    Optional<Window> window,
    List<Days> blackOuts,
    int retries,
    Duration retryPause) {

  public ScheduleDefinition {
    blackOuts = List.copyOf(blackOuts);
  }

  /** What happens to a start that could not happen in time. */
  public enum Misfire {
    RUN_ONCE,
    SKIP
  }

  /** The time of day in which backups may run; may span midnight. */
  public record Window(LocalTime from, LocalTime to) {}

  /** Whole days, both ends included. */
  public record Days(LocalDate first, LocalDate last) {}
}
