package dev.backstep.job;

import dev.backstep.domain.TaskKind;
import org.springframework.batch.core.job.Job;

/**
 * The job that does tasks of a kind. It has one identifying parameter, {@link #PARAMETER}, and
 * {@link TaskListener} among its listeners.
 */
public record TaskJob(TaskKind kind, Job job) {

  /** The job parameter that holds the task's id. */
  public static final String PARAMETER = "task";
}
