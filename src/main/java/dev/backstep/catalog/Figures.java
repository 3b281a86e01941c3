package dev.backstep.catalog;

import dev.backstep.domain.Mover;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * How the whole catalog stands, in numbers.
 *
 * @param machines all VMs that were ever registered
 * @param replicas one for each VM path that is replicated
 * @param queue backups that wait to be begun, or to be gone on with after they failed or were
 *     stopped
 * @param damagedImages images of restore points that were found damaged, or stand on one that was
 * @param failedTests restore points that did not pass the restore test that they were last put to,
 *     or whose test could not be done
 * @param nextFire the earliest start that schedules have asked for, or will, and that no server has
 *     taken; empty when no schedule fires any more
 * @param at the time by which leases end
 */
public record Figures(
    List<Machine> machines,
    List<Replica> replicas,
    List<Waiting> queue,
    List<Running> running,
    long leasesLive,
    long leasesExpired,
    long damagedImages,
    long failedTests,
    Optional<Instant> nextFire,
    Instant at) {

  /**
   * A VM.
   *
   * @param scheduled whether a definition that the servers act on has a schedule for it
   * @param restorePointAt the moment that its newest restore point shows
   * @param oldestProofAt when, as of its newest round of verification, that image was proven, or
   *     written, of which it is longest ago
   */
  public record Machine(
      String name,
      boolean scheduled,
      Optional<Instant> restorePointAt,
      Optional<Instant> oldestProofAt) {}

  /**
   * What is replicated.
   *
   * @param takenAt the oldest moment that one of its targets held last; empty while one never did
   */
  public record Replica(String vmPath, Optional<Instant> takenAt) {}

  /**
   * A backup in the queue.
   *
   * @param startAfter from when on it may begin
   * @param waitingFor why it has not begun since
   */
  public record Waiting(Optional<Instant> startAfter, Optional<String> waitingFor) {}

  /** So many running backups of one mover whose owner's lease has time left, or has not. */
  public record Running(Mover mover, boolean owned, long count) {}

  /** How late the earliest start is that no server has taken; zero when none is late. */
  public Duration scheduleLag() {
    return nextFire.map(this::since).orElse(Duration.ZERO);
  }

  /** How long the backup that waits longest could have begun, or been gone on with. */
  public Duration queueWait() {
    return queue.stream()
        .flatMap(waiting -> waiting.startAfter().stream())
        .map(this::since)
        .max(Comparator.naturalOrder())
        .orElse(Duration.ZERO);
  }

  private Duration since(Instant start) {
    return start.isBefore(at) ? Duration.between(start, at) : Duration.ZERO;
  }

  public Figures {
    machines = List.copyOf(machines);
    replicas = List.copyOf(replicas);
    queue = List.copyOf(queue);
    running = List.copyOf(running);
  }
}
