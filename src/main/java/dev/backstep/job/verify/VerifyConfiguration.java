package dev.backstep.job.verify;

import dev.backstep.domain.TaskKind;
import dev.backstep.job.PartStep;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskListener;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The verify job, in the order in which it runs:
 *
 * <pre>
 * verifyImages   image by image, backing images first: structure, then data, findings on the way
 * clearMarks     images called damaged whose whole chain was found clean are called so no more
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
@ComponentScan
public class VerifyConfiguration {

  @Bean
  Job verifyJob(
      JobRepository repository, Step verifyImages, Step clearMarks, TaskListener listener) {
    return new JobBuilder("verify", repository)
        .listener(listener)
        .start(verifyImages)
        .next(clearMarks)
        .build();
  }

  @Bean
  TaskJob verifyTask(Job verifyJob) {
    return new TaskJob(TaskKind.VERIFY, verifyJob);
  }

  /** An item is a part of an image that takes about a tenth of a second; so is a chunk. */
  @Bean
  Step verifyImages(
      JobRepository repository, PlatformTransactionManager transactions, ImageWalk walk) {
    return PartStep.of("verifyImages", repository, transactions, walk).build();
  }

  @Bean
  Step clearMarks(
      JobRepository repository, PlatformTransactionManager transactions, CleanChains tasklet) {
    return new StepBuilder("clearMarks", repository).tasklet(tasklet, transactions).build();
  }
}
