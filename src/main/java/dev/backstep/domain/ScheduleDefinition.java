package dev.backstep.domain;

import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.Optional;

/**
 * When a VM is backed up.
 *
 * @param cron a Quartz cron expression of six or seven fields
 * @param jitter a start is delayed by up to this much
 */
public record ScheduleDefinition(
    String cron, ZoneId zone, Duration jitter, Misfire misfire, Optional<Window> window) {

  /** What happens to a start that could not happen in time. */
  public enum Misfire {
    RUN_ONCE,
    SKIP
  }

  /** The time of day in which backups may run; may span midnight. */
  public record Window(LocalTime from, LocalTime to) {}
}
