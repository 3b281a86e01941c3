package dev.backstep.job;

import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.builder.ChunkOrientedStepBuilder;
import org.springframework.batch.core.step.builder.StepBuilder;
import org.springframework.batch.infrastructure.item.ItemReader;
import org.springframework.batch.infrastructure.item.ItemWriter;
import org.springframework.transaction.PlatformTransactionManager;

/** The step that most tasks consist of: part after part, each in a transaction of its own. */
public final class PartStep {

  private PartStep() {}

  /**
   * A step that can be stopped behind each part.
   *
   * @param parts says what comes next, does it, and keeps in the step's context how far it is
   */
  public static <T, P extends ItemReader<T> & ItemWriter<T>> ChunkOrientedStepBuilder<T, T> of(
      String name, JobRepository repository, PlatformTransactionManager transactions, P parts) {
    return new StepBuilder(name, repository)
        .<T, T>chunk(1)
        .transactionManager(transactions)
        .reader(parts)
        .writer(parts)
        .interruptionPolicy(new StopAtChunk());
  }
}
