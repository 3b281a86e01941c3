package dev.backstep.job.retention;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.PlanRow;
import dev.backstep.catalog.PrunePlans;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.Failures;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PlanJobs;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.definition.JobDefinitions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/**
 * Applies a VM's retention when a backup that a schedule began is completed; behind that, shortens
 * its chains where there is something to shorten.
 */
@Component
class RetentionAfterBackup {

  private static final Logger log = LoggerFactory.getLogger(RetentionAfterBackup.class);
  private static final int LOOK_BACK = 1000;
  private static final Duration LOOK_PERIOD = Duration.ofMinutes(1);

  private final PruneJobs prunes;
  private final MergeJobs merges;
  private final PlanJobs plans;
  private final PrunePlans catalog;
  private final RetentionSettings settings;

  RetentionAfterBackup(
      PruneJobs prunes,
      MergeJobs merges,
      PlanJobs plans,
      PrunePlans catalog,
      RetentionSettings settings) {
    this.prunes = prunes;
    this.merges = merges;
    this.plans = plans;
    this.catalog = catalog;
    this.settings = settings;
  }

  @EventListener
  void ended(BackupEvent.Ended event) {
    BackupRow backup = event.backup();
    if (backup.status() != Status.COMPLETED || backup.launch().origin() != Origin.SCHEDULE) {
      return;
    }
    try {
      List<JobDefinition> definition = List.of(JobDefinitions.read(backup.definition()));
      if (prunes.plan(definition).dropped().isEmpty()) {
        merge(backup, definition);
        return;
      }
      if (settings.pruneApproval()) {
        ask(backup, definition);
        merge(backup, definition);
        return;
      }
      TaskRun prune = prunes.prune(definition, subject(backup));
      Thread.ofPlatform()
          .daemon()
          .name("merge-behind-" + prune.id())
          .start(() -> mergeBehind(prune, backup, definition));
    } catch (RuntimeException e) {
      failed(backup, e);
    }
  }

  private void mergeBehind(TaskRun prune, BackupRow backup, List<JobDefinition> definition) {
    try {
      while (!prune.await(LOOK_PERIOD)) {
        log.debug("{} runs", prune.id());
      }
      if (prune.state().status() == Status.COMPLETED) {
        merge(backup, definition);
      }
    } catch (InterruptedException | RuntimeException e) {
      failed(backup, e);
    }
  }

  /** Runs what was approved since the last time; else asks for what would go now. */
  private void ask(BackupRow backup, List<JobDefinition> definition) {
    List<PlanRow> own =
        plans.page(PageRequest.first(LOOK_BACK)).items().stream()
            .filter(plan ->
                plan.createdBy().equals(PlanJobs.SCHEDULE)
                    && plan.subject().equals(backup.vmName()))
            .toList();
    Optional<PlanRow> approved =
        own.stream().filter(plan -> plan.status() == PlanRow.Status.APPROVED).findFirst();
    if (approved.isPresent()) {
      run(approved.get());
      return;
    }
    PlanRow asked = plans.store(definition, PlanJobs.SCHEDULE);
    own.stream().filter(plan -> plan.status() == PlanRow.Status.OPEN).forEach(catalog::supersede);
    log.info("{} waits for an approval: {} would go", asked.id(), asked.drops().size());
  }

  private void run(PlanRow approved) {
    try {
      plans.run(approved.id());
    } catch (OperatorException e) {
      log.info("{} is put aside: {}", approved.id(), e.getMessage());
      catalog.supersede(approved);
    }
  }

  /** Where prunes want an approval nothing is deleted here; long chains get their new roots. */
  private void merge(BackupRow backup, List<JobDefinition> definition) {
    List<JobDefinition> shortened =
        settings.pruneApproval()
            ? definition.stream().map(JobDefinition::withoutRetention).toList()
            : definition;
    if (settings.merge() && !merges.plan(shortened, false).isEmpty()) {
      merges.merge(shortened, false, subject(backup));
    }
  }

  private static String subject(BackupRow backup) {
    return backup.vmName() + ", after " + backup.id();
  }

  /** The backup is complete all the same; the next one, or a command, tries again. */
  private static void failed(BackupRow backup, Exception e) {
    log.error("{}: retention could not be applied: {}", backup.id(), Failures.text(e), e);
  }
}
