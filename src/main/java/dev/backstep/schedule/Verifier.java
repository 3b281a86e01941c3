package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.catalog.VerifyRounds;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.VerifyDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.VerifyJobs;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Verifies images by the policies of job definitions, one VM after the other and never beside a
 * backup of the VM. A round that is due and may not begin waits; rounds that were missed are made
 * up for by one. The scheduler's store sees to it that one server is at it at a time.
 */
final class Verifier {

  private static final Logger log = LoggerFactory.getLogger(Verifier.class);

  private final ScheduledMachines machines;
  private final VerifyRounds rounds;
  private final VerifyJobs jobs;
  private final TaskJobs tasks;
  private final ScheduleSettings settings;
  private final Clock clock;
  private final ParsedDefinitions definitions = new ParsedDefinitions();

  Verifier(
      ScheduledMachines machines,
      VerifyRounds rounds,
      VerifyJobs jobs,
      TaskJobs tasks,
      ScheduleSettings settings,
      Clock clock) {
    this.machines = machines;
    this.rounds = rounds;
    this.jobs = jobs;
    this.tasks = tasks;
    this.settings = settings;
    this.clock = clock;
  }

  /** Begins what is due and may begin, at most one verification. */
  void round() {
    tasks.recoverDead();
    if (rounds.anyRuns()) {
      return;
    }
    List<ScheduledMachine> all = machines.list();
    definitions.keep(all);
    for (ScheduledMachine machine : all) {
      Optional<VerifyDefinition> policy = definitions.active(machine, JobDefinition::verify);
      if (policy.isPresent() && begin(machine, policy.get())) {
        return;
      }
    }
  }

  /** Returns whether a verification runs now. */
  private boolean begin(ScheduledMachine machine, VerifyDefinition policy) {
    Instant now = clock.instant();
    VmId vm = machine.vmId();
    Instant last = rounds.last(vm).orElse(machine.activeSince());
    Optional<Instant> due = after(policy, last).filter(time -> !time.isAfter(now));
    if (due.isEmpty() || rounds.busy(vm, settings.maxBackupsPerRepository())) {
      return false;
    }
    Instant next = after(policy, now).orElse(now.plus(policy.allWithin()));
    VerifyChoice choice = new VerifyChoice(rounds.candidates(vm), policy, now, next);
    List<DiskBackupId> images = choice.images();
    Optional<String> task = Optional.empty();
    if (!images.isEmpty()) {
      String subject = images.size() + " images of " + machine.vmName();
      task = Optional.of(jobs.verify(subject, images).id());
      log.info("{}: due at {}, {} verifies {}", vm, due.get(), task.get(), subject);
    }
    rounds.ran(vm, now, task, choice.oldest());
    return task.isPresent();
  }

  /** When the first round after a moment is due. */
  private static Optional<Instant> after(VerifyDefinition policy, Instant time) {
    return LocalCron.after(policy.cron(), policy.zone(), time);
  }
}
