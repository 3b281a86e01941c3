package dev.backstep.job.verify;

import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.Verifications;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskListener;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;

/**
 * Takes the mark "damaged" off images whose data, and that of all that they need, this verification
 * found clean: a disk that could not be read for a while may be well again.
 */
@Component
class CleanChains implements Tasklet {

  private final RunningTasks running;
  private final Verifications verifications;
  private final VerificationQueries queries;

  CleanChains(RunningTasks running, Verifications verifications, VerificationQueries queries) {
    this.running = running;
    this.verifications = verifications;
    this.queries = queries;
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext context)
      throws IOException {
    String id = TaskListener.task(contribution.getStepExecution().getJobParameters());
    VerificationRow row = queries.find(id).orElseThrow();
    running.lock(id);
    Set<DiskBackupId> clean = new HashSet<>();
    for (VerifiedImage image : queries.images(id)) {
      boolean onClean = image.base().isEmpty() || clean.contains(image.base().get());
      if (row.whole() && image.result() == ImageResult.CLEAN && onClean) {
        clean.add(image.image());
        verifications.whole(image.image());
      }
    }
    return RepeatStatus.FINISHED;
  }
}
