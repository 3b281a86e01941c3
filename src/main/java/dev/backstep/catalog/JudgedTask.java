package dev.backstep.catalog;

import dev.backstep.domain.TaskVerdict;
import java.util.Optional;

/**
 * A task with what came of it.
 *
 * @param verdict of a verification or a restore test; empty for the other kinds
 * @param imagesDamaged how many images a verification has found damaged; 0 for the other kinds
 */
public record JudgedTask(TaskRow task, Optional<TaskVerdict> verdict, int imagesDamaged) {}
