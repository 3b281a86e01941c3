package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.Sha256;
import dev.backstep.domain.VmId;
import java.text.ParseException;
import java.time.Instant;
import java.util.Collection;
import java.util.Date;
import java.util.Optional;
import java.util.Set;
import java.util.TimeZone;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.quartz.CronScheduleBuilder;
import org.quartz.JobKey;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.Trigger;
import org.quartz.TriggerBuilder;
import org.quartz.TriggerKey;
import org.springframework.stereotype.Component;

/**
 * The triggers of schedules in Quartz's store, one per VM, named by its id. Each method joins the
 * surrounding transaction.
 */
@Component
class TriggerStore {

  static final JobKey FIRE = JobKey.jobKey("fire", ScheduledMachines.TRIGGER_GROUP);

  private static final String BLACK_OUT = "black-out ";

  private final Scheduler scheduler;

  TriggerStore(Scheduler scheduler) {
    this.scheduler = scheduler;
  }

  static TriggerKey key(VmId vm) {
    return TriggerKey.triggerKey(vm.value(), ScheduledMachines.TRIGGER_GROUP);
  }

  /**
   * Lets a schedule fire from a moment on, in place of what fired for this VM before.
   *
   * @param paused whether it is to stay paused
   */
  void put(VmId vm, ScheduleDefinition schedule, Instant from, boolean paused) {
    act(() -> {
      Trigger trigger =
          TriggerBuilder.newTrigger()
              .withIdentity(key(vm))
              .forJob(FIRE)
              .startAt(Date.from(from))
              // Each start that was missed is delivered, and it is recorded what becomes of it.
              .withSchedule(
                  CronScheduleBuilder.cronSchedule(schedule.cron())
                      .inTimeZone(TimeZone.getTimeZone(schedule.zone()))
                      .withMisfireHandlingInstructionIgnoreMisfires())
              .modifiedByCalendar(calendar(schedule))
              .build();
      if (scheduler.rescheduleJob(trigger.getKey(), trigger) == null) {
        scheduler.scheduleJob(trigger);
      }
      if (paused) {
        scheduler.pauseTrigger(trigger.getKey());
      }
    });
  }

  void pause(VmId vm) {
    act(() -> scheduler.pauseTrigger(key(vm)));
  }

  void remove(VmId vm) {
    act(() -> scheduler.unscheduleJob(key(vm)));
  }

  /** Forgets black-outs that none of these schedules has. */
  void keepCalendarsOf(Collection<ScheduleDefinition> schedules) {
    Set<String> needed =
        schedules.stream()
            .filter(schedule -> !schedule.blackOuts().isEmpty())
            .map(TriggerStore::calendarName)
            .collect(Collectors.toSet());
    act(() -> {
      for (String name : scheduler.getCalendarNames()) {
        if (name.startsWith(BLACK_OUT) && !needed.contains(name)) {
          scheduler.deleteCalendar(name);
        }
      }
    });
  }

  /**
   * When a trigger would fire after a moment; what {@link Timetable} adds to that has none of its
   * own.
   */
  static Optional<Instant> next(ScheduleDefinition schedule, Instant after) throws ParseException {
    return Timetable.plain(schedule).after(after, Timetable.calendar(schedule));
  }

  /** Named by what is in it, so that one in use never changes. */
  private @Nullable String calendar(ScheduleDefinition schedule) throws SchedulerException {
    if (schedule.blackOuts().isEmpty()) {
      return null;
    }
    String name = calendarName(schedule);
    if (!scheduler.getCalendarNames().contains(name)) {
      scheduler.addCalendar(
          name, new BlackOutCalendar(schedule.zone(), schedule.blackOuts()), true, false);
    }
    return name;
  }

  private static String calendarName(ScheduleDefinition schedule) {
    return BLACK_OUT + Sha256.of(schedule.zone().getId() + schedule.blackOuts());
  }

  private interface Action {
    void run() throws SchedulerException;
  }

  private static void act(Action action) {
    try {
      action.run();
    } catch (SchedulerException e) {
      throw new IllegalStateException("the scheduler's store: " + e.getMessage(), e);
    }
  }
}
