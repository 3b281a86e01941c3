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
 * The job that checks a whole repository:
 *
 * <pre>
 * checkRepository   the structure of image after image; then what belongs together, and the catalog
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
class CheckConfiguration {

  @Bean
  Job checkJob(JobRepository repository, Step checkRepository, TaskListener listener) {
    return new JobBuilder("repository-check", repository)
        .listener(listener)
        .start(checkRepository)
        .build();
  }

  @Bean
  TaskJob checkTask(Job checkJob) {
    return new TaskJob(TaskKind.CHECK, checkJob);
  }

  @Bean
  Step checkRepository(
      JobRepository repository, PlatformTransactionManager transactions, CheckWalk walk) {
    return PartStep.of("checkRepository", repository, transactions, walk).build();
  }
}
