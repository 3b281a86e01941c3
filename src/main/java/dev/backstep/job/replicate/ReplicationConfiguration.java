package dev.backstep.job.replicate;

import dev.backstep.backup.CopyItem;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.LogFields;
import dev.backstep.job.StopAtChunk;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.configuration.annotation.JobScope;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.core.task.TaskExecutor;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The replicate job, in the order in which it runs:
 *
 * <pre>
 * openReplicaSnapshot   all disks at one instant, or the snapshot of the run before taken up again
 * replicaDisks          one partition per disk: plan, read, write in place, seal
 * compareReplicas       where it was asked for: source and target are read and compared
 * closeReplication      marks that are not needed any more go from the source
 * </pre>
 *
 * All steps run at each relaunch: a new snapshot may have taken the place of the one before, and
 * what is done is known from the catalog.
 */
@Configuration(proxyBeanMethods = false)
@ComponentScan
public class ReplicationConfiguration {

  /** Items a chunk; each is what is copied in about ten milliseconds, 2 to 16 MiB. */
  private static final int CHUNK_ITEMS = 4;

  @Bean
  Job replicateJob(
      JobRepository repository,
      Step openReplicaSnapshot,
      Step replicaDisks,
      Step compareReplicas,
      Step closeReplication,
      TaskListener task,
      ReplicaListener run) {
    return new JobBuilder("replicate", repository)
        // The last one hears of the end first: the snapshot goes before the VM is free.
        .listener(task)
        .listener(run)
        .start(openReplicaSnapshot)
        .next(replicaDisks)
        .next(compareReplicas)
        .next(closeReplication)
        .build();
  }

  @Bean
  TaskJob replicateTask(Job replicateJob) {
    return new TaskJob(TaskKind.REPLICATE, replicateJob);
  }

  @Bean
  Step openReplicaSnapshot(
      JobRepository repository,
      PlatformTransactionManager transactions,
      OpenReplicaSnapshot tasklet) {
    return new StepBuilder("openReplicaSnapshot", repository)
        .tasklet(tasklet, transactions)
        .allowStartIfComplete(true)
        .build();
  }

  @Bean
  Step replicaDisks(
      JobRepository repository,
      ReplicaPartitions partitioner,
      Step replicaDisk,
      TaskExecutor replicaThreads) {
    return new StepBuilder("replicaDisks", repository)
        .partitioner("replicaDisk", partitioner)
        .step(replicaDisk)
        .taskExecutor(replicaThreads)
        .allowStartIfComplete(true)
        .build();
  }

  @Bean
  Step replicaDisk(
      JobRepository repository,
      PlatformTransactionManager transactions,
      ReplicaStep disk,
      ReplicaStepListener listener) {
    return new StepBuilder("replicaDisk", repository)
        .<CopyItem, CopyItem>chunk(CHUNK_ITEMS)
        .transactionManager(transactions)
        .reader(disk)
        .writer(disk)
        .interruptionPolicy(new StopAtChunk())
        .listener(listener)
        .build();
  }

  /** Platform threads, as many at once as the job definition allows disks. */
  @Bean
  @JobScope
  SimpleAsyncTaskExecutor replicaThreads(
      ActiveReplications actives,
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String task) {
    SimpleAsyncTaskExecutor threads = new SimpleAsyncTaskExecutor("replica-disk-");
    threads.setTaskDecorator(LogFields.handedOn());
    threads.setConcurrencyLimit(actives.get(task).definition().parallelDisksMax());
    return threads;
  }

  @Bean
  Step compareReplicas(
      JobRepository repository,
      PlatformTransactionManager transactions,
      CompareReplicas comparison) {
    return new StepBuilder("compareReplicas", repository)
        .<Integer, Integer>chunk(1)
        .transactionManager(transactions)
        .reader(comparison)
        .writer(comparison)
        .interruptionPolicy(new StopAtChunk())
        .allowStartIfComplete(true)
        .build();
  }

  @Bean
  Step closeReplication(
      JobRepository repository, PlatformTransactionManager transactions, CloseReplication tasklet) {
    return new StepBuilder("closeReplication", repository)
        .tasklet(tasklet, transactions)
        .allowStartIfComplete(true)
        .build();
  }
}
