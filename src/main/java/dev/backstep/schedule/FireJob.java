package dev.backstep.schedule;

import dev.backstep.domain.VmId;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.quartz.Job;
import org.quartz.JobExecutionContext;
import org.quartz.JobExecutionException;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.TriggerKey;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;
import org.springframework.transaction.TransactionException;

/**
 * What the scheduler runs when a schedule fires. It is asked for again when its server dies, and it
 * waits for a database that is away, so that no fire is lost.
 */
final class FireJob implements Job {

  private static final Logger log = LoggerFactory.getLogger(FireJob.class);

  private static final Duration DATABASE_PAUSE = Duration.ofSeconds(2);

  private final FireRecorder recorder;

  FireJob(FireRecorder recorder) {
    this.recorder = recorder;
  }

  @Override
  public void execute(JobExecutionContext context) throws JobExecutionException {
    VmId vm = new VmId(trigger(context).getName());
    Instant due = due(context);
    while (true) {
      try {
        recorder.fire(vm, due);
        return;
      } catch (DataAccessException | TransactionException e) {
        if (!FireRecorder.isDatabaseAway(e)) {
          throw new JobExecutionException(e);
        }
        log.warn("{}: due at {}, waiting for the database: {}", vm, due, e.getMessage());
        rest(context, e);
      }
    }
  }

  private static TriggerKey trigger(JobExecutionContext context) {
    return context.isRecovering()
        ? context.getRecoveringTriggerKey()
        : context.getTrigger().getKey();
  }

  private static Instant due(JobExecutionContext context) {
    return context.isRecovering()
        ? Instant.ofEpochMilli(
            Long.parseLong(
                context
                    .getMergedJobDataMap()
                    .getString(
                        Scheduler.FAILED_JOB_ORIGINAL_TRIGGER_SCHEDULED_FIRETIME_IN_MILLISECONDS)))
        : context.getScheduledFireTime().toInstant();
  }

  /**
   * @throws JobExecutionException when the server ends meanwhile; the scheduler's store still has
   *     the fire, and it is delivered again
   */
  private static void rest(JobExecutionContext context, RuntimeException cause)
      throws JobExecutionException {
    try {
      TimeUnit.NANOSECONDS.sleep(DATABASE_PAUSE.toNanos());
      if (context.getScheduler().isInStandbyMode() || context.getScheduler().isShutdown()) {
        throw new JobExecutionException(cause);
      }
    } catch (InterruptedException | SchedulerException e) {
      throw new JobExecutionException(e);
    }
  }
}
