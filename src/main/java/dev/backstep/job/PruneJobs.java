package dev.backstep.job;

import dev.backstep.domain.JobDefinition;
import java.util.List;

/** Retention as operators command it. Safe for use by many threads. */
public interface PruneJobs {

  /**
   * What retention would do with these VMs, as their definitions say. Those without a retention,
   * and those never backed up, are left out.
   */
  PrunePlan plan(List<JobDefinition> definitions);

  /**
   * Deletes, as a task in this process, what goes by a plan that is made now.
   *
   * @param subject whose it is, for people
   */
  TaskRun prune(List<JobDefinition> definitions, String subject);

  /**
   * Keeps a restore point, whatever retention says, until it is unpinned.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it is no restore point
   */
  void pin(String id);

  /**
   * @throws OperatorException NOT_FOUND
   */
  void unpin(String id);
}
