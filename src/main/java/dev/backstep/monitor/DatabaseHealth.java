package dev.backstep.monitor;

import dev.backstep.job.ProcessLease;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.stereotype.Component;

/**
 * Whether the database answers, and takes this process's signs of life: one on a full disk can be
 * read. Whoever asks makes it no work: anybody may.
 */
@Component("database")
final class DatabaseHealth implements HealthIndicator {

  private final DatabaseWatch watch;
  private final ProcessLease lease;

  DatabaseHealth(DatabaseWatch watch, ProcessLease lease) {
    this.watch = watch;
    this.lease = lease;
  }

  @Override
  public Health health() {
    return watch.isUp() && lease.isWritten() ? Health.up().build() : Health.down().build();
  }
}
