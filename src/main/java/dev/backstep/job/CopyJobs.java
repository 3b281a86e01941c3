package dev.backstep.job;

import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.JobDefinition;

/** Copying restore points as operators command it. Safe for use by many threads. */
public interface CopyJobs {

  /**
   * Copies, as a task in this process, what the other repository does not have yet.
   *
   * @throws OperatorException USAGE when the repositories are one, or one lies in the other;
   *     NOT_FOUND when an id or a VM has no restore point; BUSY when another copy of one of the VMs
   *     to that repository runs; FAILED when a repository cannot be opened
   */
  TaskRun copy(CopyRequest request);

  /**
   * Copies what the copy's retention keeps and is missing there, then deletes what it does not
   * keep.
   *
   * @param subject whose it is, for people
   * @throws OperatorException as {@link #copy(CopyRequest)}
   */
  TaskRun copy(JobDefinition definition, CopyDefinition copy, String subject);
}
