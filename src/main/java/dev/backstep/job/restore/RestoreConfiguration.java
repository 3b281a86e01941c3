package dev.backstep.job.restore;

import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.Restores;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.LogFields;
import dev.backstep.job.StopAtChunk;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskListener;
import java.util.HashMap;
import java.util.Map;
import org.springframework.batch.core.configuration.annotation.JobScope;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.partition.Partitioner;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.core.task.TaskExecutor;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The restore job:
 *
 * <pre>
 * restoreDisks   a partition per disk, two at once: reads the chain, writes the target, forces it
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
@ComponentScan
public class RestoreConfiguration {

  /** More would wait for the same disks and processors. */
  private static final int DISKS_AT_ONCE = 2;

  /** Items a chunk; each is 16 MiB at most. */
  private static final int CHUNK_ITEMS = 6;

  @Bean
  Job restoreJob(JobRepository repository, Step restoreDisks, TaskListener listener) {
    return new JobBuilder("restore", repository).listener(listener).start(restoreDisks).build();
  }

  @Bean
  TaskJob restoreTask(Job restoreJob) {
    return new TaskJob(TaskKind.RESTORE, restoreJob);
  }

  @Bean
  Step restoreDisks(
      JobRepository repository,
      Partitioner restoredDisks,
      Step restoreDisk,
      TaskExecutor restoreThreads) {
    return new StepBuilder("restoreDisks", repository)
        .partitioner("restoreDisk", restoredDisks)
        .step(restoreDisk)
        .taskExecutor(restoreThreads)
        .build();
  }

  @Bean
  @JobScope
  Partitioner restoredDisks(
      Restores restores, @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String task) {
    return gridSize -> {
      Map<String, ExecutionContext> partitions = new HashMap<>();
      for (RestoredDisk disk : restores.disks(task)) {
        partitions.put("disk-" + disk.diskId(), new ExecutionContext());
      }
      return partitions;
    };
  }

  @Bean
  Step restoreDisk(
      JobRepository repository, PlatformTransactionManager transactions, RestoreStep disk) {
    return new StepBuilder("restoreDisk", repository)
        .<Integer, Integer>chunk(CHUNK_ITEMS)
        .transactionManager(transactions)
        .reader(disk)
        .writer(disk)
        .interruptionPolicy(new StopAtChunk())
        .build();
  }

  @Bean
  SimpleAsyncTaskExecutor restoreThreads() {
    SimpleAsyncTaskExecutor threads = new SimpleAsyncTaskExecutor("restore-disk-");
    threads.setTaskDecorator(LogFields.handedOn());
    threads.setConcurrencyLimit(DISKS_AT_ONCE);
    return threads;
  }
}
