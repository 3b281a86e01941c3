package dev.backstep.schedule;

import dev.backstep.catalog.Cursor;
import dev.backstep.catalog.FireRow;
import dev.backstep.catalog.Fires;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.OperatorException;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.springframework.transaction.support.TransactionTemplate;

/** The schedules as database and scheduler hold them. */
final class QuartzSchedules implements Schedules {

  private static final int NEXT_FIRES_MAX = 100;

  /** More than this many of one VM say nothing more. */
  private static final int MISSED_MAX = 10_000;

  private final ScheduledMachines machines;
  private final Fires fires;
  private final TriggerStore triggers;
  private final DefinitionReload reload;
  private final BackupJobs jobs;
  private final TransactionTemplate transaction;
  private final Clock clock;

  private final ParsedDefinitions definitions = new ParsedDefinitions();

  QuartzSchedules(
      ScheduledMachines machines,
      Fires fires,
      TriggerStore triggers,
      DefinitionReload reload,
      BackupJobs jobs,
      TransactionTemplate transaction,
      Clock clock) {
    this.machines = machines;
    this.fires = fires;
    this.triggers = triggers;
    this.reload = reload;
    this.jobs = jobs;
    this.transaction = transaction;
    this.clock = clock;
  }

  @Override
  public Page<Schedule> page(int nextFires, PageRequest request) {
    try {
      Map<String, FireRow> newest = fires.newest();
      Page<ScheduledMachine> page = machines.page(request);
      return new Page<>(
          page.items().stream()
              .map(machine ->
                  schedule(machine, nextFires, Optional.ofNullable(newest.get(machine.vmName()))))
              .toList(),
          page.next());
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public Schedule schedule(String vmName, int nextFires) {
    Optional<FireRow> newest =
        fires.page(Optional.of(vmName), Instant.EPOCH, PageRequest.first(1)).items().stream()
            .findFirst();
    return schedule(machine(vmName), nextFires, newest);
  }

  private Schedule schedule(ScheduledMachine machine, int nextFires, Optional<FireRow> newest) {
    ScheduleDefinition schedule = definitions.schedule(machine);
    JobDefinition definition = definitions.definition(machine);
    Instant now = clock.instant();
    return new Schedule(
        machine.vmName(),
        schedule,
        Path.of(machine.file()),
        machine.paused(),
        next(schedule, Math.min(nextFires, NEXT_FIRES_MAX)),
        newest,
        definition.verify().flatMap(verify -> LocalCron.after(verify.cron(), verify.zone(), now)),
        definition.restoreTest().flatMap(test -> LocalCron.after(test.cron(), test.zone(), now)));
  }

  private List<Instant> next(ScheduleDefinition schedule, int count) {
    Instant now = clock.instant();
    return due(schedule, now, Instant.MAX, count);
  }

  @Override
  public void pause(String vmName) {
    triggers.pause(machine(vmName).vmId());
  }

  @Override
  public void resume(String vmName) {
    VmId vm = machine(vmName).vmId();
    transaction.executeWithoutResult(status -> {
      Optional<ScheduledMachine> machine = machines.lock(vm).filter(ScheduledMachine::paused);
      if (machine.isPresent()) {
        triggers.put(vm, definitions.schedule(machine.get()), clock.instant(), false);
        machines.activeFromNow(vm);
      }
    });
  }

  @Override
  public BackupId runNow(
      String vmName, Optional<RequestedLevel> level, Optional<String> requestedBy) {
    JobDefinition definition = definitions.definition(machine(vmName));
    if (definition.source().isSelection()) {
      throw OperatorException.usage(
          vmName + " is a selection of VMs; `backstep backup " + vmName + "` backs each of them up",
          null);
    }
    Launch launch =
        new Launch(
            Origin.API,
            requestedBy,
            Mover.INTERNAL,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            0,
            Optional.empty(),
            List.of());
    return jobs.enqueue(definition, level.orElse(definition.level()), launch);
  }

  @Override
  public Page<FireRow> fires(Optional<String> vmName, Instant since, PageRequest request) {
    try {
      return fires.page(vmName, since, request);
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public Page<MissedFire> missed(Instant since, Duration grace, PageRequest request) {
    try {
      Optional<Cursor> after = Cursor.of(request);
      List<MissedFire> rows = new ArrayList<>();
      Map<String, Set<Instant>> recorded = fires.recorded(since);
      Instant end = clock.instant().minus(grace);
      for (ScheduledMachine machine : unpausedFrom(after.map(Cursor::text).orElse(""))) {
        Set<Instant> known = recorded.getOrDefault(machine.vmName(), Set.of());
        due(machine, since, end).stream()
            .filter(due -> !known.contains(due))
            .map(due -> new MissedFire(machine.vmName(), due))
            .filter(missed -> after.isEmpty() || isBehind(missed, after.get()))
            .limit(Cursor.rows(request) - rows.size())
            .forEach(rows::add);
        if (rows.size() == Cursor.rows(request)) {
          break;
        }
      }
      return Cursor.page(rows, request, missed -> Cursor.at(missed.dueAt(), missed.vmName()));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    }
  }

  /** By name; in our own order, since each database has another one. */
  private List<ScheduledMachine> unpausedFrom(String vmName) {
    List<ScheduledMachine> all = machines.list();
    definitions.keep(all);
    return all.stream()
        .filter(machine -> !machine.paused() && machine.vmName().compareTo(vmName) >= 0)
        .sorted(Comparator.comparing(ScheduledMachine::vmName))
        .toList();
  }

  private List<Instant> due(ScheduledMachine machine, Instant since, Instant end) {
    Instant from = machine.activeSince().isAfter(since) ? machine.activeSince() : since;
    return due(definitions.schedule(machine), from.minusMillis(1), end, MISSED_MAX);
  }

  private static boolean isBehind(MissedFire missed, Cursor place) {
    return !missed.vmName().equals(place.text()) || missed.dueAt().isAfter(place.time());
  }

  @Override
  public Reload reload() {
    return reload.run();
  }

  /** The times after one and before another. */
  private static List<Instant> due(
      ScheduleDefinition schedule, Instant after, Instant before, int most) {
    List<Instant> due = new ArrayList<>();
    try {
      Timetable timetable = Timetable.of(schedule);
      var calendar = Timetable.calendar(schedule);
      Optional<Instant> next = timetable.after(after, calendar);
      while (due.size() < most && next.filter(time -> time.isBefore(before)).isPresent()) {
        due.add(next.get());
        next = timetable.after(next.get(), calendar);
      }
      return due;
    } catch (ParseException e) {
      throw new IllegalStateException("'" + schedule.cron() + "' was accepted before", e);
    }
  }

  private ScheduledMachine machine(String vmName) {
    return machines
        .find(VmId.ofName(vmName))
        .orElseThrow(() -> OperatorException.notFound(notFound(vmName)));
  }

  private String notFound(String vmName) {
    String known =
        machines.list().stream()
            .map(ScheduledMachine::vmName)
            .limit(20)
            .collect(Collectors.joining(", "));
    return vmName
        + ": no such VM has a schedule; "
        + (known.isEmpty() ? "none has" : "those that have: " + known);
  }
}
