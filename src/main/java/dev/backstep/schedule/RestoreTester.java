package dev.backstep.schedule;

import dev.backstep.catalog.RestoreTestRounds;
import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.catalog.VerifyRounds;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RestoreTestDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestoreTestJobs;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Boots the newest restore point of a VM when its job definition says so: one after the other, and
 * neither beside a backup of the VM nor beside a verification. One that is due and may not begin
 * waits; those that were missed are made up for by one.
 */
final class RestoreTester {

  private static final Logger log = LoggerFactory.getLogger(RestoreTester.class);

  private final ScheduledMachines machines;
  private final RestoreTestRounds rounds;
  private final VerifyRounds verifications;
  private final RestoreTestJobs jobs;
  private final ScheduleSettings settings;
  private final Clock clock;
  private final ParsedDefinitions definitions = new ParsedDefinitions();

  RestoreTester(
      ScheduledMachines machines,
      RestoreTestRounds rounds,
      VerifyRounds verifications,
      RestoreTestJobs jobs,
      ScheduleSettings settings,
      Clock clock) {
    this.machines = machines;
    this.rounds = rounds;
    this.verifications = verifications;
    this.jobs = jobs;
    this.settings = settings;
    this.clock = clock;
  }

  /** Begins what is due and may begin, at most one test. */
  void round() {
    if (rounds.anyRuns() || verifications.anyRuns()) {
      return;
    }
    List<ScheduledMachine> all = machines.list();
    definitions.keep(all);
    for (ScheduledMachine machine : all) {
      Optional<RestoreTestDefinition> test =
          definitions.active(machine, JobDefinition::restoreTest);
      if (test.isPresent() && begin(machine, test.get())) {
        return;
      }
    }
  }

  /** Returns whether a test runs now. */
  private boolean begin(ScheduledMachine machine, RestoreTestDefinition test) {
    Instant now = clock.instant();
    VmId vm = machine.vmId();
    Instant last = rounds.last(vm).orElse(machine.activeSince());
    boolean due =
        LocalCron.after(test.cron(), test.zone(), last).filter(at -> !at.isAfter(now)).isPresent();
    if (!due || verifications.busy(vm, settings.maxBackupsPerRepository())) {
      return false;
    }
    Optional<BackupId> point = rounds.newest(vm);
    if (point.isEmpty()) {
      rounds.ran(vm, now, Optional.empty());
      return false;
    }
    return begin(vm, point.get(), test.boot(), now);
  }

  /** A restore point that was removed in this moment is none; the next look finds another one. */
  private boolean begin(VmId vm, BackupId point, BootSettings boot, Instant now) {
    try {
      String task = jobs.boot(point.value(), boot).id();
      rounds.ran(vm, now, Optional.of(task));
      log.info("{}: {} boots {}", vm, task, point);
      return true;
    } catch (OperatorException e) {
      log.warn("{}: {} is not booted now: {}", vm, point, e.getMessage());
      return false;
    }
  }
}
