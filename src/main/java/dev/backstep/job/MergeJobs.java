package dev.backstep.job;

import dev.backstep.domain.JobDefinition;
import java.util.List;

/** Merges as operators command them. Safe for use by many threads. */
public interface MergeJobs {

  /**
   * What there is to merge: restore points that no rule keeps and others stand on, as retention's
   * plan says, and disks whose next backup would be a full one because their chain is too long.
   *
   * @param consolidate whether the newest image of every disk shall stand on nothing, however short
   *     its chain
   */
  MergeWork plan(List<JobDefinition> definitions, boolean consolidate);

  /**
   * Merges, as a task in this process, by a plan that is made now.
   *
   * @param subject whose it is, for people
   */
  TaskRun merge(List<JobDefinition> definitions, boolean consolidate, String subject);
}
