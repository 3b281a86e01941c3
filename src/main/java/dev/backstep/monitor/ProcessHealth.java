package dev.backstep.monitor;

import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.stereotype.Component;

/** Whether this process answers, which it shows by answering. */
@Component("process")
final class ProcessHealth implements HealthIndicator {

  @Override
  public Health health() {
    return Health.up().build();
  }
}
