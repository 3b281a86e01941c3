package dev.backstep.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.batch.core.job.JobExecutionException;
import org.springframework.batch.infrastructure.item.ItemStreamException;

class FailuresTests {

  private final IOException ours = new IOException("the disk is full");
  private final Exception partitions = new JobExecutionException("unsuccessful step");

  @Test
  void theOperatorReadsTheCauseInWhateverOrderTheyCome() {
    Exception wrapped = new ItemStreamException("failed", ours);

    assertThat(Failures.root(List.of(partitions, wrapped))).isSameAs(ours);
    assertThat(Failures.root(List.of(wrapped, partitions))).isSameAs(ours);
    assertThat(Failures.root(List.of(partitions))).isSameAs(partitions);
    assertThat(Failures.root(List.of())).hasMessageContaining("see the log");
  }
}
