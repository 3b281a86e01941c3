package dev.backstep.job.verify;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.RestoreTests;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.RunSettings;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.RestoreTargets;
import dev.backstep.job.RestoreTestDocument;
import dev.backstep.job.RestoreTestJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import org.springframework.stereotype.Component;

/** Begins tests of restore points. */
@Component
class RestoreTestStart implements RestoreTestJobs {

  private final TaskJobs tasks;
  private final RestoreTests tests;
  private final BackupQueries backups;
  private final ProcessLease lease;

  RestoreTestStart(TaskJobs tasks, RestoreTests tests, BackupQueries backups, ProcessLease lease) {
    this.tasks = tasks;
    this.tests = tests;
    this.backups = backups;
    this.lease = lease;
  }

  @Override
  public TaskRun boot(String id, BootSettings settings) {
    return begin(id, RestoreTestDocument.text(settings));
  }

  @Override
  public TaskRun run(String id, RunSettings settings) {
    return begin(id, RestoreTestDocument.text(settings));
  }

  private TaskRun begin(String id, String settings) {
    BackupRow backup =
        backups
            .find(id)
            .orElseThrow(() ->
                OperatorException.notFound(
                    id + ": no such backup; `backstep list` shows the backups"));
    RestoreTargets.requireRestorePoint(backup);
    String subject = backup.id() + " of " + backup.vmName();
    return tasks.launch(tests.begin(backup.id(), subject, settings, lease.token()));
  }
}
