package dev.backstep.job.retention;

import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Transactions;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskListener;
import java.util.List;
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

  private final RunningTasks running;
  private final TaskQueries queries;
  private final Transactions transactions;
  private final PointDrop drops;

  DropPoints(
      RunningTasks running,
      TaskQueries queries,
      PlatformTransactionManager manager,
      PointDrop drops) {
    this.running = running;
    this.queries = queries;
    this.transactions = new Transactions(manager);
    this.drops = drops;
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
    drops.dropAndCount(task, ids.get(next));
    state.putInt("next", next + 1);
    return RepeatStatus.CONTINUABLE;
  }

  private void requireOurs(TaskRow task) throws FencedException {
    transactions.in(() -> {
      running.lock(task.id());
      return task;
    });
  }
}
