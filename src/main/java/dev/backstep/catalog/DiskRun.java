package dev.backstep.catalog;

import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A disk backup with how fast it goes, or went.
 *
 * @param repositoryPath the repository's folder as last registered
 * @param resumedAt when it was begun, or gone on with after a stop or a failure
 * @param bytesBefore what had been read before that
 */
public record DiskRun(
    VmId vmId,
    String vmName,
    RepositoryId repositoryId,
    String repositoryPath,
    BackupDiskRow disk,
    Optional<Instant> resumedAt,
    long bytesBefore) {

  /** From its last start to its end, or until now. Empty when it has not begun. */
  public Optional<Duration> ran(Instant now) {
    return resumedAt
        .or(disk::startedAt)
        .map(start -> Duration.between(start, disk.completedAt().orElse(now)))
        .filter(time -> !time.isNegative());
  }

  /** Bytes read a second since its last start; empty when nothing was read or no time has gone. */
  public OptionalLong bytesPerSecond(Instant now) {
    long bytes = disk.bytesRead() - bytesBefore;
    long millis = ran(now).map(Duration::toMillis).orElse(0L);
    return bytes <= 0 || millis <= 0
        ? OptionalLong.empty()
        : OptionalLong.of(Math.round(bytes * 1000.0 / millis));
  }

  /** How long the rest takes at this rate; empty when nobody can tell. */
  public Optional<Duration> timeLeft(Instant now) {
    OptionalLong rate = bytesPerSecond(now);
    long left = Math.max(0, disk.bytesTotal() - disk.bytesRead());
    return rate.isEmpty() || rate.getAsLong() == 0
        ? Optional.empty()
        : Optional.of(Duration.ofSeconds(Math.ceilDiv(left, rate.getAsLong())));
  }
}
