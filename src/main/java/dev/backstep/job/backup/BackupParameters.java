package dev.backstep.job.backup;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import java.time.Instant;
import java.util.Optional;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.step.StepExecution;

/**
 * The backup job's identifying parameters: the backup's id and, for one that a schedule asked for,
 * when it was due. They never change, for the job repository finds a backup's executions by them.
 */
final class BackupParameters {

  private static final String SCHEDULED_AT = "scheduled_at";

  private BackupParameters() {}

  static JobParameters of(BackupId backup, Optional<Instant> scheduledAt) {
    JobParametersBuilder parameters =
        new JobParametersBuilder().addString(BackupJobConfiguration.JOB, backup.value(), true);
    scheduledAt.ifPresent(time -> parameters.addString(SCHEDULED_AT, time.toString(), true));
    return parameters.toJobParameters();
  }

  static JobParameters of(BackupRow row) {
    return of(row.id(), row.launch().scheduledAt());
  }

  static BackupId backup(JobParameters parameters) {
    return new BackupId(String.valueOf(parameters.getString(BackupJobConfiguration.JOB)));
  }

  static BackupId backup(StepExecution step) {
    return backup(step.getJobParameters());
  }
}
