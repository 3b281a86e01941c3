package dev.backstep.job.backup;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Releases;
import dev.backstep.domain.Status;
import dev.backstep.job.ExternalLeftovers;
import dev.backstep.job.OperatorException;
import dev.backstep.job.QueueChanged;
import dev.backstep.job.Refusals;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.launch.JobExecutionAlreadyRunningException;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Ends backups for good that did not end well, with all that they hold. */
@Component
class Abandonment {

  private final JobOperator operator;
  private final Releases releases;
  private final Continuations continuations;
  private final Leftovers leftovers;
  private final ExternalLeftovers externalLeftovers;
  private final ApplicationEventPublisher events;

  Abandonment(
      JobOperator operator,
      Releases releases,
      Continuations continuations,
      Leftovers leftovers,
      ExternalLeftovers externalLeftovers,
      ApplicationEventPublisher events) {
    this.operator = operator;
    this.releases = releases;
    this.continuations = continuations;
    this.leftovers = leftovers;
    this.externalLeftovers = externalLeftovers;
    this.events = events;
  }

  /**
   * Abandons a backup that failed or was stopped, or one whose mover has not completed it.
   *
   * @param last asks for its newest execution; empty when it never had one
   * @throws OperatorException as {@link dev.backstep.job.BackupJobs#abandon}
   */
  void abandon(BackupRow row, Supplier<Optional<JobExecution>> last) {
    if (BackupLauncher.isExternal(row)
        && row.status() != Status.COMPLETED
        && row.status() != Status.ABANDONED) {
      giveUpExternal(row);
      return;
    }
    if (row.status() != Status.FAILED && row.status() != Status.STOPPED) {
      throw Refusals.notNow(row, "abandoned", "FAILED or STOPPED");
    }
    try {
      // It leaves the queue first, so that no server goes on with it meanwhile.
      if (!continuations.notAgain(row.id(), "an operator gave it up")
          || !leftovers.giveUp(row.id())) {
        throw relaunchedMeanwhile(row);
      }
      if (!releases.abandoned(row.id())) {
        throw relaunchedMeanwhile(row);
      }
      Optional<JobExecution> execution = last.get();
      if (execution.isPresent()) {
        operator.abandon(execution.get());
      }
    } catch (IOException e) {
      throw Refusals.of(e);
    } catch (JobExecutionAlreadyRunningException e) {
      throw OperatorException.busy(row.id() + ": its execution is running; stop it first", e);
    }
  }

  private static OperatorException relaunchedMeanwhile(BackupRow row) {
    return OperatorException.busy(
        row.id() + ": was relaunched meanwhile, or is being given up; stop it first", null);
  }

  void giveUpExternal(BackupRow row) {
    try {
      if (!externalLeftovers.giveUp(row.id(), Status.ABANDONED, Optional.empty(), now -> true)) {
        throw OperatorException.failed(row.id() + ": its mover completed it meanwhile", null);
      }
      events.publishEvent(new QueueChanged());
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }
}
