package dev.backstep.job.backup;

import dev.backstep.domain.BackupId;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.step.StepExecution;

/** The backup job's parameters: the backup's id, identifying, and nothing else. */
final class BackupParameters {

  private BackupParameters() {}

  static JobParameters of(BackupId backup) {
    return new JobParametersBuilder()
        .addString(BackupJobConfiguration.JOB, backup.value(), true)
        .toJobParameters();
  }

  static BackupId backup(JobParameters parameters) {
    return new BackupId(String.valueOf(parameters.getString(BackupJobConfiguration.JOB)));
  }

  static BackupId backup(StepExecution step) {
    return backup(step.getJobParameters());
  }
}
