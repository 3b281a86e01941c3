package dev.backstep.job.backup;

import dev.backstep.catalog.Continuations;
import dev.backstep.job.JobSettings;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.launch.JobExecutionNotRunningException;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Stops running backups at a chunk when the program is told to end, and waits for them before
 * anything else, above all the data source, goes away.
 */
@Component
class GracefulShutdown implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(GracefulShutdown.class);

  private final ActiveBackups actives;
  private final Continuations continuations;
  private final JobOperator operator;
  private final JobRepository repository;
  private final Duration timeout;
  private volatile boolean running;

  GracefulShutdown(
      ActiveBackups actives,
      Continuations continuations,
      JobOperator operator,
      JobRepository repository,
      JobSettings settings) {
    this.actives = actives;
    this.continuations = continuations;
    this.operator = operator;
    this.repository = repository;
    this.timeout = settings.stopTimeout();
  }

  @Override
  public void start() {
    running = true;
  }

  @Override
  public void stop() {
    running = false;
    List<ActiveBackup> stopping = List.copyOf(actives.all());
    stopping.forEach(this::tryAsk);
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      for (ActiveBackup backup : stopping) {
        if (!backup.awaitEnd(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          log.error("{} did not stop within {}; relaunch it", backup.id(), timeout);
        }
      }
    } catch (InterruptedException e) {
      log.error("interrupted while backups were stopping; relaunch them", e);
    }
  }

  /** One that cannot be asked, as where the database is away, keeps no other from being asked. */
  private void tryAsk(ActiveBackup backup) {
    try {
      ask(backup);
    } catch (RuntimeException e) {
      log.error("{} was not asked to stop: {}", backup.id(), e.getMessage());
    }
  }

  /** What a server runs goes on by itself, here at the next start or on another server at once. */
  private void ask(ActiveBackup backup) {
    JobExecution execution =
        repository.getLastJobExecution(BackupJobConfiguration.JOB, backup.parameters());
    try {
      continuations.afterShutdown(backup.id(), backup.leaseToken());
      if (execution != null) {
        operator.stop(execution);
      }
    } catch (JobExecutionNotRunningException e) {
      log.info("{} ends by itself", backup.id());
    }
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /** Stopped before all others, but for what would begin further backups meanwhile. */
  @Override
  public int getPhase() {
    return Integer.MAX_VALUE - 1;
  }
}
