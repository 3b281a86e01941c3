package dev.backstep.cli;

import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.MergeWork;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.TaskRun;
import java.util.List;

/** What commands ask of retention: plans, pins, merges. */
public interface RetentionVerbs {

  /** What retention would do; see {@link dev.backstep.job.PruneJobs#plan}. */
  PrunePlan prunePlan(List<JobDefinition> definitions);

  /** Deletes what nothing keeps; see {@link dev.backstep.job.PruneJobs#prune}. */
  TaskRun prune(List<JobDefinition> definitions);

  /** Stores what retention would do; see {@link dev.backstep.job.PlanJobs#store}. */
  PlanRow storePlan(List<JobDefinition> definitions);

  /** Stored plans, newest first. */
  List<PlanRow> plans(int limit);

  /**
   * A stored plan.
   *
   * @throws OperatorException NOT_FOUND
   */
  PlanRow plan(String id);

  /**
   * Approves of a stored plan; see {@link dev.backstep.job.PlanJobs#approve}.
   *
   * @throws OperatorException as there
   */
  PlanRow approvePlan(String id);

  /**
   * Runs a stored plan; see {@link dev.backstep.job.PlanJobs#run}.
   *
   * @throws OperatorException as there
   */
  TaskRun runPlan(String id);

  /** What there is to merge; see {@link dev.backstep.job.MergeJobs#plan}. */
  MergeWork mergePlan(List<JobDefinition> definitions, boolean consolidate);

  /** Shortens chains; see {@link dev.backstep.job.MergeJobs#merge}. */
  TaskRun merge(List<JobDefinition> definitions, boolean consolidate);

  /**
   * Keeps a restore point; see {@link dev.backstep.job.PruneJobs#pin}.
   *
   * @throws OperatorException as there
   */
  void pin(String id);

  /**
   * @throws OperatorException as {@link dev.backstep.job.PruneJobs#unpin}
   */
  void unpin(String id);
}
