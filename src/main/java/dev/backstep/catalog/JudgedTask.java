package dev.backstep.catalog;

import dev.backstep.domain.TaskVerdict;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A task with what came of it.
 *
 * @param verdict of a verification, a restore test or a check of a repository; empty for the others
 * @param imagesDamaged how many a verification has found; empty for the others
 */
public record JudgedTask(TaskRow task, Optional<TaskVerdict> verdict, OptionalInt imagesDamaged) {}
