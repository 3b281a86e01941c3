package dev.backstep.job.backup;

import dev.backstep.domain.BackupId;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;

/**
 * Lets the snapshot go after the restore point is sealed: the marks of before are not needed any
 * more, the new ones are what the next backup asks for.
 */
@Component("closeSnapshotTasklet")
class CloseSnapshot implements Tasklet {

  private final ActiveBackups actives;
  private final Leftovers leftovers;

  CloseSnapshot(ActiveBackups actives, Leftovers leftovers) {
    this.actives = actives;
    this.leftovers = leftovers;
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext chunk) {
    BackupId id = BackupParameters.backup(contribution.getStepExecution());
    ActiveBackup active = actives.get(id);
    active.closeSnapshot();
    leftovers.closeSealed(active);
    return RepeatStatus.FINISHED;
  }
}
