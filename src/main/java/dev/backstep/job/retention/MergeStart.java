package dev.backstep.job.retention;

import dev.backstep.catalog.Tasks;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.MergePlanner;
import dev.backstep.job.MergeWork;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import java.time.Instant;
import java.util.List;
import org.springframework.stereotype.Component;

/** Begins merges. */
@Component
class MergeStart implements MergeJobs {

  private final MergePlanner planner;
  private final Tasks tasks;
  private final TaskJobs jobs;
  private final ProcessLease lease;

  MergeStart(MergePlanner planner, Tasks tasks, TaskJobs jobs, ProcessLease lease) {
    this.planner = planner;
    this.tasks = tasks;
    this.jobs = jobs;
    this.lease = lease;
  }

  @Override
  public MergeWork plan(List<JobDefinition> definitions, boolean consolidate) {
    return planner.plan(definitions, consolidate, Instant.now());
  }

  @Override
  public TaskRun merge(List<JobDefinition> definitions, boolean consolidate, String subject) {
    MergeWork work = plan(definitions, consolidate);
    return jobs.launch(tasks.begin(TaskKind.MERGE, subject, work.toString(), lease.token()));
  }
}
