package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A backup that runs, with each of its disks.
 *
 * @param host where the process runs that does it; empty when nobody has a lease on it
 * @param ownerAlive whether that process gives signs of life
 */
public record RunningBackup(
    BackupId id,
    String vmName,
    OptionalLong executionId,
    Mover mover,
    Instant createdAt,
    Optional<String> host,
    OptionalLong processId,
    boolean ownerAlive,
    List<DiskRun> disks) {

  public RunningBackup {
    disks = List.copyOf(disks);
  }

  /** The disk that will be the last one at the rates of this moment; empty when nobody can tell. */
  public Optional<DiskRun> slowest(Instant now) {
    return disks.stream()
        .filter(run -> run.disk().status() == Status.RUNNING && run.timeLeft(now).isPresent())
        .max(Comparator.comparing(run -> run.timeLeft(now).orElse(Duration.ZERO)));
  }
}
