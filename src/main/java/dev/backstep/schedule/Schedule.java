package dev.backstep.schedule;

import dev.backstep.catalog.FireRow;
import dev.backstep.domain.ScheduleDefinition;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The schedule of one VM, as the servers of this database act on it.
 *
 * @param file the job definition that it stands in, on the server that loaded it
 * @param paused whether it fires no more until it is resumed
 * @param nextFires when it fires next, ascending; empty when it never will. Those that a paused one
 *     would have are listed, too
 * @param lastFire what became of the newest start
 * @param nextVerification when its images are verified next; empty when no server does so
 * @param nextRestoreTest when its newest restore point is booted next; likewise
 */
public record Schedule(
    String vmName,
    ScheduleDefinition definition,
    Path file,
    boolean paused,
    List<Instant> nextFires,
    Optional<FireRow> lastFire,
    Optional<Instant> nextVerification,
    Optional<Instant> nextRestoreTest) {

  public Schedule {
    nextFires = List.copyOf(nextFires);
  }
}
