package dev.backstep.job.retention;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.PrunePlanner;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;

/** Begins prunes; pins and unpins. */
@Component
class PruneStart implements PruneJobs {

  private final PrunePlanner planner;
  private final Tasks tasks;
  private final TaskJobs jobs;
  private final KeptPoints points;
  private final BackupQueries backups;
  private final ProcessLease lease;

  PruneStart(
      PrunePlanner planner,
      Tasks tasks,
      TaskJobs jobs,
      KeptPoints points,
      BackupQueries backups,
      ProcessLease lease) {
    this.planner = planner;
    this.tasks = tasks;
    this.jobs = jobs;
    this.points = points;
    this.backups = backups;
    this.lease = lease;
  }

  @Override
  public PrunePlan plan(List<JobDefinition> definitions) {
    return planner.plan(definitions, Instant.now());
  }

  @Override
  public TaskRun prune(List<JobDefinition> definitions, String subject) {
    PrunePlan plan = plan(definitions);
    String settings =
        plan.dropped().stream().map(point -> point.id().value()).collect(Collectors.joining("\n"));
    String id = tasks.begin(TaskKind.PRUNE, subject, settings, lease.token());
    tasks.progress(id, 0, plan.bytesFreed());
    return jobs.launch(id);
  }

  @Override
  public void pin(String id) {
    BackupRow row = row(id);
    if (row.status() != Status.COMPLETED) {
      throw OperatorException.conflict(
          row.id() + " is " + row.status() + " and no restore point; nothing to pin", null);
    }
    points.pin(row.id());
  }

  @Override
  public void unpin(String id) {
    points.unpin(row(id).id());
  }

  private BackupRow row(String id) {
    return backups
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(id + ": no such backup; `backstep list` shows the backups"));
  }
}
