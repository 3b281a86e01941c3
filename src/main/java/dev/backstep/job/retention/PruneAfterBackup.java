package dev.backstep.job.retention;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.Failures;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.definition.JobDefinitions;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Applies a VM's retention when a backup that a schedule began is completed. */
@Component
class PruneAfterBackup {

  private static final Logger log = LoggerFactory.getLogger(PruneAfterBackup.class);

  private final PruneJobs jobs;

  PruneAfterBackup(PruneJobs jobs) {
    this.jobs = jobs;
  }

  @EventListener
  void ended(BackupEvent.Ended event) {
    BackupRow backup = event.backup();
    if (backup.status() != Status.COMPLETED || backup.launch().origin() != Origin.SCHEDULE) {
      return;
    }
    try {
      List<JobDefinition> definition = List.of(JobDefinitions.read(backup.definition()));
      if (!jobs.plan(definition).dropped().isEmpty()) {
        jobs.prune(definition, backup.vmName() + ", after " + backup.id());
      }
    } catch (RuntimeException e) {
      // The backup is complete all the same; the next one, or `prune`, tries again.
      log.error("{}: retention could not be applied: {}", backup.id(), Failures.text(e), e);
    }
  }
}
