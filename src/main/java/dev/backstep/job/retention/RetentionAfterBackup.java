package dev.backstep.job.retention;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.Failures;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.definition.JobDefinitions;
import java.time.Duration;
import java.util.List;
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
  private static final Duration LOOK_PERIOD = Duration.ofMinutes(1);

  private final PruneJobs prunes;
  private final MergeJobs merges;
  private final RetentionSettings settings;

  RetentionAfterBackup(PruneJobs prunes, MergeJobs merges, RetentionSettings settings) {
    this.prunes = prunes;
    this.merges = merges;
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

  private void merge(BackupRow backup, List<JobDefinition> definition) {
    if (settings.merge() && !merges.plan(definition, false).isEmpty()) {
      merges.merge(definition, false, subject(backup));
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
