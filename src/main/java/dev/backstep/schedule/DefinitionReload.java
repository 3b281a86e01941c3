package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.job.definition.JobFolder;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Brings the schedules in the database in line with the folder of job definitions. A schedule whose
 * file cannot be used stays as it was, for a typing error must not end a VM's backups. Each VM is
 * done in a transaction of its own, so several servers may be at it at once.
 */
final class DefinitionReload {

  private static final Logger log = LoggerFactory.getLogger(DefinitionReload.class);

  private final JobFolder folder;
  private final ScheduledMachines machines;
  private final TriggerStore triggers;
  private final TransactionTemplate transaction;
  private final Clock clock;
  private volatile Optional<JobFolder.Content> last = Optional.empty();

  private enum Change {
    ADDED,
    CHANGED,
    NONE
  }

  DefinitionReload(
      JobFolder folder,
      ScheduledMachines machines,
      TriggerStore triggers,
      TransactionTemplate transaction,
      Clock clock) {
    this.folder = folder;
    this.machines = machines;
    this.triggers = triggers;
    this.transaction = transaction;
    this.clock = clock;
  }

  /** See {@link Schedules#reload}. */
  synchronized Reload run() {
    JobFolder.Content content = content(folder);
    last = Optional.of(content);
    Map<VmId, ScheduledMachine> known = new LinkedHashMap<>();
    machines.list().forEach(machine -> known.put(machine.vmId(), machine));
    Set<Path> files =
        known.values().stream()
            .map(machine -> Path.of(machine.file()))
            .collect(Collectors.toUnmodifiableSet());
    List<String> problems =
        new ArrayList<>(content.broken().stream().map(JobDefinitionException::getMessage).toList());
    List<String> added = new ArrayList<>();
    List<String> changed = new ArrayList<>();
    List<ScheduleDefinition> schedules = new ArrayList<>();
    int unchanged = 0;
    for (JobFolder.Entry entry : content.byVmName().values()) {
      Optional<ScheduleDefinition> schedule = entry.definition().schedule();
      if (schedule.isEmpty()) {
        continue;
      }
      Optional<ScheduledMachine> old = Optional.ofNullable(known.remove(entry.definition().vmId()));
      try {
        switch (put(entry, schedule.get(), old)) {
          case ADDED -> added.add(entry.definition().vmName());
          case CHANGED -> changed.add(entry.definition().vmName());
          case NONE -> unchanged++;
        }
        schedules.add(schedule.get());
      } catch (ParseException e) {
        problems.add(
            entry.file() + ": 'cron' is '" + schedule.get().cron() + "': " + e.getMessage());
        old.flatMap(DefinitionReload::schedule).ifPresent(schedules::add);
      }
    }
    List<String> removed = new ArrayList<>();
    for (ScheduledMachine machine : known.values()) {
      if (!content.mayHold(machine.vmName(), Path.of(machine.file()), files)) {
        remove(machine.vmId());
        removed.add(machine.vmName());
      } else {
        schedule(machine).ifPresent(schedules::add);
      }
    }
    triggers.keepCalendarsOf(schedules);
    Reload reload = new Reload(added, changed, removed, unchanged, problems);
    report(reload);
    return reload;
  }

  /**
   * What the folder held when it was last loaded, which is done when nobody is writing to it; what
   * it holds now, where it was never loaded.
   *
   * @throws OperatorException FAILED when the folder is away
   */
  JobFolder.Content loaded() {
    return last.orElseGet(() -> content(folder));
  }

  /**
   * What a server's folder of job definitions holds.
   *
   * @throws OperatorException FAILED when the folder is away
   */
  static JobFolder.Content content(JobFolder folder) {
    Path path = folder.folder();
    // Not mounted, most likely: taken for an empty one it would end all backups.
    if (!Files.isDirectory(path)) {
      throw OperatorException.failed(
          path + ": the folder of job definitions is not there; schedules stay as they are", null);
    }
    try {
      return folder.read();
    } catch (UncheckedIOException e) {
      throw OperatorException.failed(String.valueOf(e.getMessage()), e);
    }
  }

  private Change put(
      JobFolder.Entry entry, ScheduleDefinition schedule, Optional<ScheduledMachine> known)
      throws ParseException {
    Instant now = clock.instant();
    Instant next =
        TriggerStore.next(schedule, now)
            .orElseThrow(() -> new ParseException("there is no such time any more", 0));
    String definition = JobDefinitions.write(entry.definition());
    if (known.filter(machine -> isSame(machine, entry, definition, next)).isPresent()) {
      return Change.NONE;
    }
    try {
      return Objects.requireNonNull(
          transaction.execute(status -> put(entry, schedule, definition, now, next)));
    } catch (DuplicateKeyException e) {
      log.debug("{}: another server has added it just now", entry.definition().vmName());
      return Change.NONE;
    }
  }

  private Change put(
      JobFolder.Entry entry,
      ScheduleDefinition schedule,
      String definition,
      Instant now,
      Instant next) {
    VmId vm = entry.definition().vmId();
    String file = entry.file().toString();
    Optional<ScheduledMachine> known = machines.lock(vm);
    if (known.isEmpty()) {
      machines.add(vm, entry.definition().vmName(), file, definition);
      triggers.put(vm, schedule, now, false);
      return Change.ADDED;
    }
    ScheduledMachine machine = known.get();
    if (!firesAlike(machine, schedule) || isOff(machine, next)) {
      triggers.put(vm, schedule, now, machine.paused());
      machines.activeFromNow(vm);
    }
    boolean same = machine.definition().equals(definition);
    machines.change(vm, file, definition);
    return same ? Change.NONE : Change.CHANGED;
  }

  private static boolean isSame(
      ScheduledMachine machine, JobFolder.Entry entry, String definition, Instant next) {
    return machine.definition().equals(definition)
        && machine.file().equals(entry.file().toString())
        && !isOff(machine, next);
  }

  /**
   * Whether a trigger is not what it should be: gone, in error, or waiting for a time that is too
   * far ahead, as after a clock that was wrong for a while.
   */
  private static boolean isOff(ScheduledMachine machine, Instant next) {
    return machine.triggerState().isEmpty()
        || machine.triggerState().get().equals("ERROR")
        || machine.nextFireAt().filter(due -> !due.isAfter(next)).isEmpty();
  }

  private static boolean firesAlike(ScheduledMachine machine, ScheduleDefinition schedule) {
    return schedule(machine)
        .filter(old -> old.cron().equals(schedule.cron()))
        .filter(old -> old.zone().equals(schedule.zone()))
        .filter(old -> old.blackOuts().equals(schedule.blackOuts()))
        .isPresent();
  }

  /** Empty when another release has written it in a way that this one does not read. */
  private static Optional<ScheduleDefinition> schedule(ScheduledMachine machine) {
    try {
      return JobDefinitions.read(machine.definition()).schedule();
    } catch (JobDefinitionException e) {
      log.warn("{}: its stored definition is replaced: {}", machine.vmName(), e.getMessage());
      return Optional.empty();
    }
  }

  private void remove(VmId vm) {
    transaction.executeWithoutResult(status -> {
      triggers.remove(vm);
      machines.remove(vm);
    });
  }

  private static void report(Reload reload) {
    reload.problems().forEach(problem -> log.error("not used, its schedule stays: {}", problem));
    if (!reload.added().isEmpty() || !reload.changed().isEmpty() || !reload.removed().isEmpty()) {
      log.info(
          "schedules: {} added, {} changed, {} removed, {} as they were",
          reload.added(),
          reload.changed(),
          reload.removed(),
          reload.unchanged());
    }
  }
}
