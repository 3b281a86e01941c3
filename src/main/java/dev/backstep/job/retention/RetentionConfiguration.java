package dev.backstep.job.retention;

import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Merges;
import dev.backstep.catalog.Repositories;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.MergePlanner;
import dev.backstep.job.PrunePlanner;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.batch.infrastructure.support.transaction.ResourcelessTransactionManager;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;

/**
 * The prune job:
 *
 * <pre>
 * dropPoints     restore point by restore point, those first that stand on others
 * </pre>
 *
 * The merge job:
 *
 * <pre>
 * mergeChains    image by image, until nothing stands on what shall go; then that goes
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
@ComponentScan
@EnableConfigurationProperties(RetentionSettings.class)
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
  Job mergeJob(JobRepository repository, Step mergeChainsStep, TaskListener listener) {
    return new JobBuilder("merge", repository).listener(listener).start(mergeChainsStep).build();
  }

  @Bean
  MergePlanner mergePlanner(PrunePlanner retention, Merges merges, Repositories repositories) {
    return new MergePlanner(retention, merges, repositories);
  }

  @Bean
  TaskJob mergeTask(Job mergeJob) {
    return new TaskJob(TaskKind.MERGE, mergeJob);
  }

  @Bean
  Step mergeChainsStep(JobRepository repository, MergeChains tasklet) {
    return new StepBuilder("mergeChains", repository)
        .tasklet(tasklet, new ResourcelessTransactionManager()).stream(tasklet).build();
  }

  @Bean
  Step dropPointsStep(JobRepository repository, DropPoints tasklet) {
    return new StepBuilder("dropPoints", repository)
        .tasklet(tasklet, new ResourcelessTransactionManager())
        .build();
  }
}
