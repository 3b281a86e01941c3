package dev.backstep.monitor;

import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.stereotype.Component;

/** Whether the database answers. Whoever asks makes it no work: anybody may. */
@Component("database")
final class DatabaseHealth implements HealthIndicator {

  private final DatabaseWatch watch;

  DatabaseHealth(DatabaseWatch watch) {
    this.watch = watch;
  }

  @Override
  public Health health() {
    return watch.isUp() ? Health.up().build() : Health.down().build();
  }
}
