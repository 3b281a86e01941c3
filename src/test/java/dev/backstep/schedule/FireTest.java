package dev.backstep.schedule;

import dev.backstep.catalog.Launch;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Fires of a schedule at one moment. */
abstract class FireTest extends ScheduleTest {

  static final Instant DUE = Instant.parse("2026-11-10T01:00:00Z");
  static final String NIGHTLY = "cron: \"0 0 1 * * ?\", zone: UTC";

  void schedule(String vm, String schedule) throws Exception {
    clock.set(DUE.minus(Duration.ofDays(3)));
    define(vm, schedule);
    reload().run();
    clock.set(DUE.plusSeconds(1));
  }

  Launch launch(Optional<Instant> scheduledAt) {
    return new Launch(
        scheduledAt.isPresent() ? Origin.SCHEDULE : Origin.API,
        Optional.empty(),
        Mover.INTERNAL,
        Optional.empty(),
        scheduledAt,
        Optional.empty(),
        Optional.empty(),
        0,
        Optional.empty(),
        List.of());
  }
}
