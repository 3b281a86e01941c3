package dev.backstep.job.retention;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.job.TaskListener;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Deletes one restore point at each call, in the order of the plan. What was pinned, or stood on,
 * since the plan was made stays. Runs outside any transaction: a removal has its own, and its files
 * go only behind the one in which the catalog forgets them.
 */
@Component
class DropPoints implements Tasklet {

  private static final Logger log = LoggerFactory.getLogger(DropPoints.class);

  private final Tasks tasks;
  private final TaskQueries queries;
  private final Transactions transactions;
  private final RestorePointRemoval removal;
  private final BackupQueries backups;

  DropPoints(
      Tasks tasks,
      TaskQueries queries,
      PlatformTransactionManager manager,
      RestorePointRemoval removal,
      BackupQueries backups) {
    this.tasks = tasks;
    this.queries = queries;
    this.transactions = new Transactions(manager);
    this.removal = removal;
    this.backups = backups;
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext context)
      throws FencedException {
    TaskRow task =
        queries
            .find(TaskListener.task(contribution.getStepExecution().getJobParameters()))
            .orElseThrow();
    requireOurs(task);
    // How many are done is kept in the step's context: a relaunch goes on behind them.
    var state = contribution.getStepExecution().getExecutionContext();
    int next = state.getInt("next", 0);
    List<String> ids = task.settings().lines().toList();
    if (next >= ids.size()) {
      return RepeatStatus.FINISHED;
    }
    drop(task, ids.get(next));
    state.putInt("next", next + 1);
    return RepeatStatus.CONTINUABLE;
  }

  private void requireOurs(TaskRow task) throws FencedException {
    transactions.in(() -> {
      tasks.lock(task.id(), task.leaseToken().orElseThrow());
      return task;
    });
  }

  private void drop(TaskRow task, String id) {
    Optional<BackupRow> row = backups.find(id);
    if (row.isEmpty() || row.get().status() == Status.DELETED) {
      return;
    }
    try {
      removal.delete(id);
    } catch (OperatorException e) {
      if (e.kind() != OperatorException.Kind.CONFLICT) {
        throw e;
      }
      log.info("{}: {} stays: {}", task.id(), id, e.getMessage());
      return;
    }
    long bytes = row.get().disks().stream().mapToLong(BackupDiskRow::bytesStored).sum();
    tasks.progress(task.id(), task.bytesDone() + bytes, task.bytesTotal());
  }
}
