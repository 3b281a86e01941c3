package dev.backstep.job.copy;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.Failures;
import dev.backstep.job.definition.JobDefinitions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Makes a VM's copies when a backup that a schedule began is completed. */
@Component
class CopyAfterBackup {

  private static final Logger log = LoggerFactory.getLogger(CopyAfterBackup.class);

  private final CopyJobs jobs;

  CopyAfterBackup(CopyJobs jobs) {
    this.jobs = jobs;
  }

  @EventListener
  void ended(BackupEvent.Ended event) {
    BackupRow backup = event.backup();
    if (backup.status() != Status.COMPLETED || backup.launch().origin() != Origin.SCHEDULE) {
      return;
    }
    JobDefinition definition = JobDefinitions.read(backup.definition());
    for (CopyDefinition copy : definition.copies()) {
      try {
        jobs.copy(definition, copy, backup.vmName() + ", after " + backup.id());
      } catch (RuntimeException e) {
        // The backup is complete all the same; behind the next one all that is missing is copied.
        log.error(
            "{}: could not be copied to {}: {}",
            backup.id(),
            copy.repository(),
            Failures.text(e),
            e);
      }
    }
  }
}
