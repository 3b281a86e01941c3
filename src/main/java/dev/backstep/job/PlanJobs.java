package dev.backstep.job;

import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.JobDefinition;
import java.util.List;

/** Stored plans of retention as operators command them. Safe for use by many threads. */
public interface PlanJobs {

  /** Who makes the plans of schedules. */
  String SCHEDULE = "schedule";

  /**
   * Stores what retention would do now.
   *
   * @param who makes it
   */
  PlanRow store(List<JobDefinition> definitions, String who);

  /**
   * @throws OperatorException NOT_FOUND
   */
  PlanRow find(String id);

  /**
   * A page of them, newest first.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  Page<PlanRow> page(PageRequest request);

  /**
   * Approves of a plan.
   *
   * @param who approves; another one than has made it
   * @throws OperatorException NOT_FOUND; CONFLICT when it is not open, or made by the same
   */
  PlanRow approve(String id, String who);

  /**
   * Deletes, as a task in this process, what goes by a plan and would still go by one made now:
   * what was pinned since, is stood on, or is kept by a rule stays, and the plan's note says why.
   *
   * @throws OperatorException NOT_FOUND; CONFLICT when it was run or put aside, when this
   *     installation wants an approval that it lacks, or when nothing of it would go any more
   */
  TaskRun run(String id);
}
