package dev.backstep.job.retention;

import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Repositories;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.PrunePlanner;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.batch.infrastructure.support.transaction.ResourcelessTransactionManager;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;

/**
 * The prune job:
 *
 * <pre>
 * dropPoints     restore point by restore point, those first that stand on others
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
@ComponentScan
public class RetentionConfiguration {

  @Bean
  Job pruneJob(JobRepository repository, Step dropPointsStep, TaskListener listener) {
    return new JobBuilder("prune", repository).listener(listener).start(dropPointsStep).build();
  }

  @Bean
  PrunePlanner prunePlanner(KeptPoints points, Repositories repositories) {
    return new PrunePlanner(points, repositories);
  }

  @Bean
  TaskJob pruneTask(Job pruneJob) {
    return new TaskJob(TaskKind.PRUNE, pruneJob);
  }

  @Bean
  Step dropPointsStep(JobRepository repository, DropPoints tasklet) {
    return new StepBuilder("dropPoints", repository)
        .tasklet(tasklet, new ResourcelessTransactionManager())
        .build();
  }
}
