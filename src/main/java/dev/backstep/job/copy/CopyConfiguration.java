package dev.backstep.job.copy;

import dev.backstep.domain.TaskKind;
import dev.backstep.job.PartStep;
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
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The copy job:
 *
 * <pre>
 * copyPoints     restore point by restore point, oldest first: the images that are missing, bottom
 *                up, part by part; at last its own file
 * dropCopies     what the retention of the copies does not keep
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
@ComponentScan
public class CopyConfiguration {

  @Bean
  Job copyJob(
      JobRepository repository, Step copyPoints, Step dropCopiesStep, TaskListener listener) {
    return new JobBuilder("copy", repository)
        .listener(listener)
        .start(copyPoints)
        .next(dropCopiesStep)
        .build();
  }

  @Bean
  TaskJob copyTask(Job copyJob) {
    return new TaskJob(TaskKind.COPY, copyJob);
  }

  @Bean
  Step copyPoints(
      JobRepository repository, PlatformTransactionManager transactions, CopyStep points) {
    return PartStep.of("copyPoints", repository, transactions, points).build();
  }

  @Bean
  Step dropCopiesStep(JobRepository repository, DropCopies tasklet) {
    return new StepBuilder("dropCopies", repository)
        .tasklet(tasklet, new ResourcelessTransactionManager())
        .build();
  }
}
