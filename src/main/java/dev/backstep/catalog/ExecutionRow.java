package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A job execution as the job repository keeps it, with its steps in the order of their begin.
 *
 * @param instanceId the same for all executions of one backup
 * @param backup what it worked on; empty for jobs that are no backups
 * @param message why it ended so; empty where nothing is to be said
 */
public record ExecutionRow(
    long id,
    long instanceId,
    String jobName,
    Optional<BackupId> backup,
    String status,
    String exitCode,
    Optional<String> message,
    Instant createdAt,
    Optional<Instant> startedAt,
    Optional<Instant> endedAt,
    List<Step> steps) {

  public ExecutionRow {
    steps = List.copyOf(steps);
  }

  /**
   * One step of it.
   *
   * @param itemsRead items; how many bytes each is differs
   * @param chunks that were committed
   * @param rollbacks chunks that were not
   */
  public record Step(
      long id,
      long executionId,
      String name,
      String status,
      String exitCode,
      Optional<String> message,
      Optional<Instant> startedAt,
      Optional<Instant> endedAt,
      long itemsRead,
      long itemsWritten,
      long chunks,
      long rollbacks) {}

  ExecutionRow withSteps(List<Step> all) {
    return new ExecutionRow(
        id,
        instanceId,
        jobName,
        backup,
        status,
        exitCode,
        message,
        createdAt,
        startedAt,
        endedAt,
        all);
  }
}
