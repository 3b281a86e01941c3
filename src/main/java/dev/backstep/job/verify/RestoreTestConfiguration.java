package dev.backstep.job.verify;

import dev.backstep.domain.TaskKind;
import dev.backstep.job.PartStep;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The restore-test job:
 *
 * <pre>
 * boot   serves the disks, starts a machine or a command, waits for the verdict, throws it away
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
class RestoreTestConfiguration {

  @Bean
  Job restoreTestJob(JobRepository repository, Step boot, TaskListener listener) {
    return new JobBuilder("restore-test", repository).listener(listener).start(boot).build();
  }

  @Bean
  TaskJob restoreTestTask(Job restoreTestJob) {
    return new TaskJob(TaskKind.TEST, restoreTestJob);
  }

  @Bean
  Step boot(JobRepository repository, PlatformTransactionManager transactions, BootStep step) {
    return PartStep.of("boot", repository, transactions, step).build();
  }
}
