package dev.backstep.schedule;

import static java.time.temporal.ChronoUnit.SECONDS;

import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.FireRow;
import dev.backstep.catalog.Fires;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.ScheduleDefinition.Misfire;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.Failures;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Selections;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.dao.NonTransientDataAccessResourceException;
import org.springframework.dao.RecoverableDataAccessException;
import org.springframework.dao.TransientDataAccessException;
import org.springframework.dao.UncategorizedDataAccessException;
import org.springframework.transaction.TransactionException;

/**
 * Makes of a start that a schedule asks for a backup in the queue, or a record of why not. It may
 * be asked several times, by several servers, about the same one. Thread-safe.
 */
final class FireRecorder {

  private static final Logger log = LoggerFactory.getLogger(FireRecorder.class);

  private static final Duration SELECTION_PAUSE = Duration.ofSeconds(20);
  private static final Duration CATCH_UP_MAX = Duration.ofDays(31);
  private static final Duration CATCH_UP_FROM = Duration.ofDays(1);

  private final Fires fires;
  private final ScheduledMachines machines;
  private final BackupQueue queue;
  private final Continuations continuations;
  private final BackupJobs jobs;
  private final TriggerStore triggers;
  private final SelectedNow selected;
  private final Duration misfireAfter;
  private final Clock clock;
  private final ApplicationEventPublisher events;

  /** When this server tries those again that could not find out what they select. */
  private final Map<Waiting, Instant> waiting = new ConcurrentHashMap<>();

  private record Waiting(VmId vm, Instant due) {}

  /** What a start became. */
  private record Outcome(FireOutcome outcome, Optional<String> reason, Optional<BackupId> backup) {

    static Outcome queued(BackupId backup) {
      return new Outcome(FireOutcome.QUEUED, Optional.empty(), Optional.of(backup));
    }

    static Outcome skipped(String reason, Optional<BackupId> because) {
      return new Outcome(FireOutcome.SKIPPED, Optional.of(reason), because);
    }

    static Outcome failed(String reason) {
      return new Outcome(FireOutcome.FAILED, Optional.of(reason), Optional.empty());
    }

    /**
     * Of a selection: failed where one did, else queued where one was.
     *
     * @param unprotected a line for each VM that has none
     */
    static Outcome ofAll(Map<String, Outcome> each, List<String> unprotected) {
      Set<FireOutcome> became =
          each.values().stream().map(Outcome::outcome).collect(Collectors.toSet());
      FireOutcome worst =
          Stream.of(FireOutcome.FAILED, FireOutcome.QUEUED)
              .filter(outcome ->
                  became.contains(outcome)
                      || (outcome == FireOutcome.FAILED && !unprotected.isEmpty()))
              .findFirst()
              .orElse(FireOutcome.SKIPPED);
      Stream<String> lines =
          each.entrySet().stream()
              .map(one ->
                  one.getKey()
                      + " "
                      + one.getValue().outcome().name().toLowerCase(Locale.ROOT)
                      + ": "
                      + one.getValue().what());
      String text = Stream.concat(lines, unprotected.stream()).collect(Collectors.joining("; "));
      return new Outcome(
          worst, Optional.of(text.isEmpty() ? "it selects no VM now" : text), Optional.empty());
    }

    /** The backup, or why there is none. */
    String what() {
      return reason.or(() -> backup.map(BackupId::value)).orElse("");
    }
  }

  FireRecorder(
      Fires fires,
      ScheduledMachines machines,
      BackupQueue queue,
      Continuations continuations,
      BackupJobs jobs,
      TriggerStore triggers,
      SelectedNow selected,
      ScheduleSettings settings,
      Clock clock,
      ApplicationEventPublisher events) {
    this.fires = fires;
    this.machines = machines;
    this.queue = queue;
    this.continuations = continuations;
    this.jobs = jobs;
    this.triggers = triggers;
    this.selected = selected;
    this.misfireAfter = settings.misfireAfter();
    this.clock = clock;
    this.events = events;
  }

  /** Records what becomes of the start of a VM's backup that was due at a time. */
  void fire(VmId vm, Instant due) {
    Optional<ScheduledMachine> machine = machines.find(vm);
    if (machine.isEmpty()) {
      log.info("{}: due at {}, but its schedule was removed meanwhile", vm, due);
      waiting.remove(new Waiting(vm, due));
      return;
    }
    String vmName = machine.get().vmName();
    if (fires.begin(vmName, due) != FireOutcome.PENDING) {
      log.debug("{}: due at {}, as delivered before", vmName, due);
      waiting.remove(new Waiting(vm, due));
      return;
    }
    machines.fired(vm, due);
    try {
      ended(vmName, due, outcome(machine.get(), due));
      waiting.remove(new Waiting(vm, due));
    } catch (SelectionAwayException e) {
      Instant now = clock.instant();
      if (waiting.put(new Waiting(vm, due), now.plus(SELECTION_PAUSE)) == null) {
        log.warn(
            "{}: due at {}, PENDING, and tried again until {}: {}",
            vmName,
            due,
            due.plus(misfireAfter),
            e.getMessage());
      }
      return;
    }
    events.publishEvent(new FireTaken(Duration.between(due, clock.instant())));
  }

  /** Tries those again that could not find out what they select, each every few seconds. */
  void retry() {
    Instant now = clock.instant();
    Rounds.each(
        waiting.entrySet(),
        one -> {
          if (!one.getValue().isAfter(now)) {
            fire(one.getKey().vm(), one.getKey().due());
          }
        });
  }

  /** Comes to an end with a start that another server, or this one before it died, has begun. */
  void takeUp(FireRow begun) {
    VmId vm = VmId.ofName(begun.vmName());
    if (waiting.containsKey(new Waiting(vm, begun.scheduledAt()))) {
      return;
    }
    if (machines.find(vm).isPresent()) {
      fire(vm, begun.scheduledAt());
    } else {
      ended(
          begun.vmName(),
          begun.scheduledAt(),
          Outcome.skipped("its schedule was removed meanwhile", Optional.empty()));
    }
  }

  private void ended(String vmName, Instant due, Outcome outcome) {
    fires.ended(vmName, due, outcome.outcome(), outcome.reason(), outcome.backup());
    tell(vmName, due, outcome);
  }

  private static void tell(String vmName, Instant due, Outcome outcome) {
    if (outcome.outcome() == FireOutcome.QUEUED) {
      log.info("{}: due at {}, queued as {}", vmName, due, outcome.what());
    } else {
      log.warn("{}: due at {}, {}: {}", vmName, due, outcome.outcome(), outcome.what());
    }
  }

  private Outcome outcome(ScheduledMachine machine, Instant due) {
    Optional<BackupId> before = queue.ofFire(machine.vmId(), due);
    if (before.isPresent()) {
      return Outcome.queued(before.get());
    }
    try {
      JobDefinition definition = JobDefinitions.read(machine.definition());
      ScheduleDefinition schedule = definition.schedule().orElseThrow();
      // One that was tried in time is not late.
      boolean waited = waiting.containsKey(new Waiting(machine.vmId(), due));
      Optional<String> missed =
          leftOut(machine, schedule, due)
              .or(() -> waited ? Optional.empty() : missed(schedule, due));
      if (missed.isPresent()) {
        return Outcome.skipped(missed.get(), Optional.empty());
      }
      return attempt(
          definition.vmName(),
          due,
          () ->
              definition.source().isSelection()
                  ? eachOf(definition, schedule, due)
                  : unlessUnfinished(definition, schedule, due));
    } catch (JobDefinitionException e) {
      return Outcome.failed("the stored definition cannot be used: " + e.getMessage());
    }
  }

  /** Each VM gets a record of its own; asked again, those that are queued stay so. */
  private Outcome eachOf(JobDefinition selection, ScheduleDefinition schedule, Instant due) {
    Selections.Selected now = selected(selection, due);
    Map<String, Outcome> each = new LinkedHashMap<>();
    for (JobDefinition definition : now.definitions()) {
      String vmName = definition.vmName();
      Outcome outcome =
          queue
              .ofFire(definition.vmId(), due)
              .map(Outcome::queued)
              .orElseGet(
                  () -> attempt(vmName, due, () -> unlessUnfinished(definition, schedule, due)));
      fires.record(vmName, due, outcome.outcome(), outcome.reason(), outcome.backup());
      tell(vmName, due, outcome);
      each.put(vmName, outcome);
    }
    return Outcome.ofAll(each, now.unprotected());
  }

  /**
   * @throws SelectionAwayException when it cannot be found out, but may be in time yet: a daemon
   *     that starts anew, or a definition that is being edited, costs no VM its night. That it has
   *     none is an answer
   */
  private Selections.Selected selected(JobDefinition selection, Instant due) {
    try {
      return selected.of(selection);
    } catch (OperatorException e) {
      boolean goes = e.kind() != OperatorException.Kind.NOT_FOUND;
      if (goes && due.plus(misfireAfter).isAfter(clock.instant())) {
        throw new SelectionAwayException(e);
      }
      throw e;
    }
  }

  /** What a selection has cannot be found out now. */
  private static final class SelectionAwayException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    SelectionAwayException(OperatorException cause) {
      super(cause.getMessage(), cause);
    }
  }

  /** What is wrong with one VM holds up no other, now or when its fire is taken up again. */
  private static Outcome attempt(String vmName, Instant due, Supplier<Outcome> what) {
    try {
      return what.get();
    } catch (OperatorException e) {
      return Outcome.failed(e.getMessage());
    } catch (SelectionAwayException e) {
      throw e;
    } catch (RuntimeException e) {
      if (isDatabaseAway(e)) {
        // The fire is taken up again when the database is back.
        throw e;
      }
      log.error("{}: due at {}, and not as it should be", vmName, due, e);
      return Outcome.failed(Failures.text(e));
    }
  }

  /** Whether the same may go when it is tried again, unlike what breaks a rule of the tables. */
  static boolean isDatabaseAway(RuntimeException e) {
    return e instanceof TransientDataAccessException
        || e instanceof RecoverableDataAccessException
        || e instanceof NonTransientDataAccessResourceException
        || e instanceof UncategorizedDataAccessException
        || e instanceof TransactionException;
  }

  private Outcome unlessUnfinished(
      JobDefinition definition, ScheduleDefinition schedule, Instant due) {
    Optional<Continuations.Pending> unfinished = continuations.of(definition.vmId());
    if (unfinished.isPresent()) {
      BackupId backup = unfinished.get().backup();
      return Outcome.skipped(
          backup + " is unfinished and goes on at " + unfinished.get().at(), Optional.of(backup));
    }
    return enqueued(definition, schedule, due);
  }

  /** After a clock that was wrong by years, not each start of those years is worth a record. */
  private Optional<String> leftOut(
      ScheduledMachine machine, ScheduleDefinition schedule, Instant due) {
    Instant now = clock.instant();
    if (due.isAfter(now.minus(CATCH_UP_MAX))) {
      return Optional.empty();
    }
    Instant from = now.minus(CATCH_UP_FROM);
    triggers.put(machine.vmId(), schedule, from, machine.paused());
    return Optional.of(
        "noticed more than " + CATCH_UP_MAX.toDays() + " days late, with all before " + from);
  }

  /** Why a late start is left out; empty when it is not late, or is to be made up for. */
  private Optional<String> missed(ScheduleDefinition schedule, Instant due) {
    Instant now = clock.instant();
    if (!due.plus(misfireAfter).isBefore(now)) {
      return Optional.empty();
    }
    String late = "noticed " + Duration.between(due, now).truncatedTo(SECONDS) + " late, ";
    if (schedule.misfire() == Misfire.SKIP) {
      return Optional.of(late + "and its schedule says misfire: skip");
    }
    return next(schedule, due)
        .filter(next -> !next.isAfter(now))
        .map(next -> late + "and a later one was due at " + next);
  }

  private static Optional<Instant> next(ScheduleDefinition schedule, Instant due) {
    try {
      return Timetable.next(schedule, due);
    } catch (ParseException e) {
      throw new IllegalStateException("'" + schedule.cron() + "' has just fired", e);
    }
  }

  private Outcome enqueued(JobDefinition definition, ScheduleDefinition schedule, Instant due) {
    Start start = Start.of(schedule, definition.vmName(), due, clock.instant());
    Launch launch =
        new Launch(
            Origin.SCHEDULE,
            Optional.empty(),
            Mover.INTERNAL,
            Optional.empty(),
            Optional.of(due),
            Optional.of(start.at()),
            start.stopAt(),
            0,
            Optional.empty(),
            List.of());
    try {
      return Outcome.queued(jobs.enqueue(definition, definition.level(), launch));
    } catch (DuplicateKeyException | OperatorException e) {
      // Another server may have been asked at the same moment.
      Optional<Outcome> ofOther = queue.ofFire(definition.vmId(), due).map(Outcome::queued);
      if (ofOther.isEmpty() && e.getCause() instanceof VmBusyException busy) {
        return Outcome.skipped(
            busy.running() + " of this VM runs or waits", Optional.of(busy.running()));
      }
      return ofOther.orElseThrow(() -> e);
    }
  }
}
