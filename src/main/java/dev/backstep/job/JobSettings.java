package dev.backstep.job;

import java.nio.file.Path;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How backups are run.
 *
 * @param home the folder of this installation's state
 * @param snapshotKeep how long an unfinished backup's snapshot is held for a relaunch; 24 hours
 *     unless set
 * @param leaseTtl after how long without a sign of life a process on another host counts as dead;
 *     30 seconds unless set, at least 5
 * @param stopTimeout how long a shutdown waits for running backups to stop at a chunk; 60 seconds
 *     unless set
 */
@ConfigurationProperties("backstep")
public record JobSettings(
    Path home,
    @DefaultValue("24h") Duration snapshotKeep,
    @DefaultValue("30s") Duration leaseTtl,
    @DefaultValue("60s") Duration stopTimeout) {

  public JobSettings {
    atLeast("backstep.snapshot-keep", snapshotKeep, Duration.ZERO);
    atLeast("backstep.lease-ttl", leaseTtl, Duration.ofSeconds(5));
    atLeast("backstep.stop-timeout", stopTimeout, Duration.ofSeconds(1));
  }

  private static void atLeast(String property, Duration value, Duration least) {
    if (value.compareTo(least) < 0) {
      throw new IllegalArgumentException(
          property + " is " + value + ", accepted are durations of at least " + least);
    }
  }

  /** Sockets and process records of this installation; short, because socket paths are limited. */
  public Path runFolder() {
    return home.resolve("run");
  }
}
