package dev.backstep.schedule;

import dev.backstep.catalog.Fires;
import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ScheduleDefinition;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.springframework.util.function.SingletonSupplier;

/**
 * Fires what is due in the hour that does not exist when clocks go forward, at that hour's end;
 * Quartz would leave that night out. Every server does so, and the record of the fire makes it one.
 */
final class GapFires {

  private static final Duration PAUSE = Duration.ofMinutes(1);

  /** As long as no server runs in that time, a gap is not noticed. */
  private static final Duration LOOK_BACK = Duration.ofDays(7);

  private final ScheduledMachines machines;
  private final Fires fires;
  private final FireRecorder recorder;
  private final Clock clock;
  private final ParsedDefinitions definitions = new ParsedDefinitions();
  private Instant next = Instant.MIN;

  GapFires(ScheduledMachines machines, Fires fires, FireRecorder recorder, Clock clock) {
    this.machines = machines;
    this.fires = fires;
    this.recorder = recorder;
    this.clock = clock;
  }

  /** To be called every few seconds; looks once a minute. For one thread. */
  void round() {
    Instant now = clock.instant();
    if (now.isBefore(next)) {
      return;
    }
    next = now.plus(PAUSE);
    List<ScheduledMachine> all = machines.list();
    definitions.keep(all);
    SingletonSupplier<Map<String, Set<Instant>>> recorded =
        SingletonSupplier.of(() -> fires.recorded(now.minus(LOOK_BACK)));
    Rounds.each(all, machine -> look(machine, now, recorded));
  }

  /**
   * @param recorded asked for where there is a gap
   */
  private void look(
      ScheduledMachine machine,
      Instant now,
      SingletonSupplier<Map<String, Set<Instant>>> recorded) {
    Optional<ScheduleDefinition> active = definitions.active(machine, JobDefinition::schedule);
    if (active.filter(schedule -> hasGap(schedule, now)).isEmpty()) {
      return;
    }
    Instant from =
        machine.activeSince().isAfter(now.minus(LOOK_BACK))
            ? machine.activeSince()
            : now.minus(LOOK_BACK);
    gap(active.get(), from, now)
        .filter(gap -> !recorded.obtain().getOrDefault(machine.vmName(), Set.of()).contains(gap))
        .ifPresent(gap -> recorder.fire(machine.vmId(), gap));
  }

  private static boolean hasGap(ScheduleDefinition schedule, Instant now) {
    var change = schedule.zone().getRules().nextTransition(now.minus(LOOK_BACK));
    return change != null && !change.getInstant().isAfter(now);
  }

  private static Optional<Instant> gap(ScheduleDefinition schedule, Instant from, Instant now) {
    try {
      var calendar = Timetable.calendar(schedule);
      return new LocalCron(schedule.cron(), schedule.zone())
          .gapAfter(from, now)
          .filter(gap -> calendar == null || calendar.isTimeIncluded(gap.toEpochMilli()));
    } catch (ParseException e) {
      throw new IllegalStateException("'" + schedule.cron() + "' was accepted before", e);
    }
  }
}
