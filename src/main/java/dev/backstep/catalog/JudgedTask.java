package dev.backstep.catalog;

import dev.backstep.domain.TaskVerdict;
import java.util.Optional;

/**
 * A task with what came of it.
 *
 * @param verdict of a verification, a restore test or a check of a repository; empty for the others
 * @param findings how many images a verification has found damaged, or what a check has found
 *     wrong; 0 for the others
 */
public record JudgedTask(TaskRow task, Optional<TaskVerdict> verdict, int findings) {}
