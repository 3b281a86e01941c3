package dev.backstep.job.backup;

import dev.backstep.backup.CopyItem;
import dev.backstep.domain.BackupId;
import dev.backstep.job.LogFields;
import dev.backstep.job.StopAtChunk;
import org.springframework.batch.core.configuration.annotation.JobScope;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.core.task.TaskExecutor;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The backup job, in the order in which it runs:
 *
 * <pre>
 * openSnapshot      all disks at one instant, or the snapshot of the run before taken up again
 * disks             one partition per disk: plan, read, write, seal
 * sealRestorePoint  every disk is complete: the restore point is published
 * closeSnapshot     marks that are not needed any more go from the source
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
class BackupJobConfiguration {

  /** The job's name, and that of its one identifying parameter: the backup's id. */
  static final String JOB = "backup";

  /** Items a chunk; each is what is copied in about ten milliseconds, 16 MiB at most. */
  private static final int CHUNK_ITEMS = 12;

  @Bean
  Job backupJob(
      JobRepository repository,
      Step openSnapshot,
      Step disks,
      Step sealRestorePoint,
      Step closeSnapshot,
      BackupJobListener listener) {
    return new JobBuilder(JOB, repository)
        .listener(listener)
        .start(openSnapshot)
        .next(disks)
        .next(sealRestorePoint)
        .next(closeSnapshot)
        .build();
  }

  // step 1

  @Bean
  Step openSnapshot(
      JobRepository repository, PlatformTransactionManager transactions, OpenSnapshot tasklet) {
    return new StepBuilder("openSnapshot", repository)
        .tasklet(tasklet, transactions)
        .allowStartIfComplete(true)
        .build();
  }

  // step 2

  @Bean
  Step disks(
      JobRepository repository, DiskPartitioner partitioner, Step disk, TaskExecutor diskThreads) {
    return new StepBuilder("disks", repository)
        .partitioner("disk", partitioner)
        .step(disk)
        .taskExecutor(diskThreads)
        .build();
  }

  @Bean
  Step disk(
      JobRepository repository,
      PlatformTransactionManager transactions,
      DiskReader reader,
      DiskWriter writer,
      DiskStepListener listener) {
    return new StepBuilder("disk", repository)
        .<CopyItem, CopyItem>chunk(CHUNK_ITEMS)
        .transactionManager(transactions)
        .reader(reader)
        .writer(writer)
        .interruptionPolicy(new StopAtChunk())
        .listener(listener)
        .build();
  }

  /** Platform threads, as many at once as the job definition allows disks. */
  @Bean
  @JobScope
  SimpleAsyncTaskExecutor diskThreads(
      ActiveBackups backups, @Value("#{jobParameters['" + JOB + "']}") String backup) {
    SimpleAsyncTaskExecutor threads = new SimpleAsyncTaskExecutor("disk-");
    threads.setTaskDecorator(LogFields.handedOn());
    threads.setConcurrencyLimit(backups.get(new BackupId(backup)).definition().parallelDisksMax());
    return threads;
  }

  // step 3

  @Bean
  Step sealRestorePoint(
      JobRepository repository, PlatformTransactionManager transactions, SealRestorePoint tasklet) {
    return new StepBuilder("sealRestorePoint", repository).tasklet(tasklet, transactions).build();
  }

  // step 4

  @Bean
  Step closeSnapshot(
      JobRepository repository, PlatformTransactionManager transactions, CloseSnapshot tasklet) {
    return new StepBuilder("closeSnapshot", repository).tasklet(tasklet, transactions).build();
  }
}
