package dev.backstep.job;

import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;

/**
 * A task has ended, and the catalog knows; a relaunch may end it once more. Published for whoever
 * counts it.
 */
public record TaskEvent(TaskKind kind, Status status) {}
