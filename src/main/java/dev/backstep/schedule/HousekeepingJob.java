package dev.backstep.schedule;

import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.BatchHistory;
import dev.backstep.catalog.Fires;
import dev.backstep.catalog.Replications;
import dev.backstep.catalog.Tasks;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;
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
    trim();
  }

  /** Each kind, and throws what the first that failed has thrown. */
  void trim() {
    List<RuntimeException> failures = new ArrayList<>();
    Instant now = clock.instant();
    Instant old = now.minus(settings.historyKeep());
    int executions = forgotten(() -> history.trim(old), failures);
    int starts = forgotten(() -> fires.trim(now.minus(settings.firesKeep())), failures);
    int runs = forgotten(() -> replications.trim(old), failures);
    int checks = forgotten(() -> tasks.trim(old), failures);
    int changes = forgotten(() -> audit.trim(now.minus(settings.auditKeep())), failures);
    log.info(
        "housekeeping: {} job instances, {} fires, {} runs of replications, {} verifications and"
            + " checks and {} rows of the audit trail forgotten",
        executions,
        starts,
        runs,
        checks,
        changes);
    if (!failures.isEmpty()) {
      RuntimeException first = failures.removeFirst();
      failures.forEach(first::addSuppressed);
      throw first;
    }
  }

  /** What one kind cannot do does not let the others grow. */
  private static int forgotten(IntSupplier trim, List<RuntimeException> failures) {
    try {
      return trim.getAsInt();
    } catch (RuntimeException e) {
      failures.add(e);
      return 0;
    }
  }
}
