package dev.backstep.schedule;

import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.BatchHistory;
import dev.backstep.catalog.Fires;
import dev.backstep.catalog.Replications;
import dev.backstep.catalog.Tasks;
import java.time.Clock;
import org.quartz.DisallowConcurrentExecution;
import org.quartz.Job;
import org.quartz.JobExecutionContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Forgets, once a day on one of the servers, what is older than anybody asks for. */
@DisallowConcurrentExecution
final class HousekeepingJob implements Job {

  private static final Logger log = LoggerFactory.getLogger(HousekeepingJob.class);

  private final BatchHistory history;
  private final Fires fires;
  private final Replications replications;
  private final Tasks tasks;
  private final AuditTrail audit;
  private final ScheduleSettings settings;
  private final Clock clock;

  HousekeepingJob(
      BatchHistory history,
      Fires fires,
      Replications replications,
      Tasks tasks,
      AuditTrail audit,
      ScheduleSettings settings) {
    this.history = history;
    this.tasks = tasks;
    this.audit = audit;
    this.fires = fires;
    this.replications = replications;
    this.settings = settings;
    this.clock = Clock.systemUTC();
  }

  @Override
  public void execute(JobExecutionContext context) {
    int executions = history.trim(clock.instant().minus(settings.historyKeep()));
    int starts = fires.trim(clock.instant().minus(settings.firesKeep()));
    int runs = replications.trim(clock.instant().minus(settings.historyKeep()));
    int checks = tasks.trim(clock.instant().minus(settings.historyKeep()));
    int changes = audit.trim(clock.instant().minus(settings.auditKeep()));
    log.info(
        "housekeeping: {} job instances, {} fires, {} runs of replications, {} verifications and"
            + " checks and {} rows of the audit trail forgotten",
        executions,
        starts,
        runs,
        checks,
        changes);
  }
}
