package dev.backstep.monitor;

import dev.backstep.catalog.Figures;
import dev.backstep.domain.Mover;
import dev.backstep.schedule.Obstacle;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.springframework.stereotype.Component;

/**
 * Shows what the database says about all its servers, which is the same on each of them: of several
 * the largest counts, not the sum. While the database is away these values are not numbers, but for
 * the times of restore points, which only get older.
 */
@Component
final class DatabaseMeters {

  private static final String START_TIME = "start_time";

  private final MeterRegistry registry;
  private final DatabaseWatch watch;
  private final MultiGauge restorePoints;
  private final MultiGauge oldestProofs;

  DatabaseMeters(MeterRegistry registry, DatabaseWatch watch) {
    this.registry = registry;
    this.watch = watch;
    this.restorePoints =
        MultiGauge.builder("backstep.restore.point.timestamp")
            .baseUnit("seconds")
            .description("Moment that the VM's newest restore point shows; 0 when it has none")
            .register(registry);
    this.oldestProofs =
        MultiGauge.builder("backstep.oldest.proof.timestamp")
            .baseUnit("seconds")
            .description("When the VM's image was verified of which that is longest ago")
            .register(registry);
    Gauge.builder("backstep.database.up", watch, it -> it.isUp() ? 1 : 0)
        .description("1 while the database answers")
        .register(registry);
    leases("live", Figures::leasesLive);
    leases("expired", Figures::leasesExpired);
    for (Mover mover : Mover.values()) {
      running(mover, true);
      running(mover, false);
    }
    queue();
    gauge(
        "backstep.schedule.lag",
        "How late the earliest start is that no server has taken",
        Tags.empty(),
        "seconds",
        figures -> seconds(figures.scheduleLag()));
    gauge(
        "backstep.images.damaged",
        "Images of restore points that were found damaged, or stand on one that was",
        Tags.empty(),
        "",
        Figures::damagedImages);
    gauge(
        "backstep.restore.tests.failed",
        "Restore points that did not pass the restore test that they were last put to",
        Tags.empty(),
        "",
        Figures::failedTests);
    watch.onFigures(this::show);
  }

  private void leases(String state, ToDoubleFunction<Figures> count) {
    gauge(
        "backstep.leases",
        "Processes that work with the database; expired ones are kept for a week",
        Tags.of("state", state),
        "",
        count);
  }

  private void running(Mover mover, boolean owned) {
    gauge(
        "backstep.backups.running",
        "Backups that run, by whether their process has a living lease",
        Tags.of(
            "mover", mover.name().toLowerCase(Locale.ROOT), "lease", owned ? "live" : "expired"),
        "",
        figures ->
            figures.running().stream()
                .filter(some -> some.mover() == mover && some.owned() == owned)
                .mapToLong(Figures.Running::count)
                .sum());
  }

  private void queue() {
    queued(START_TIME, figures -> figures.queue().stream().filter(isEarly(figures.at())).count());
    for (Obstacle obstacle : Obstacle.values()) {
      queued(
          obstacle.name().toLowerCase(Locale.ROOT),
          figures ->
              figures.queue().stream()
                  .filter(isEarly(figures.at()).negate())
                  .filter(waiting -> Obstacle.of(waiting.waitingFor()) == obstacle)
                  .count());
    }
    gauge(
        "backstep.queue.wait",
        "How long the backup that waits longest could have begun, or been gone on with",
        Tags.empty(),
        "seconds",
        figures -> seconds(figures.queueWait()));
  }

  private static Predicate<Figures.Waiting> isEarly(Instant now) {
    return waiting -> waiting.startAfter().filter(start -> start.isAfter(now)).isPresent();
  }

  private void queued(String waitingFor, ToDoubleFunction<Figures> count) {
    gauge(
        "backstep.queue.backups",
        "Backups that wait to be begun or gone on with, by what they wait for",
        Tags.of("waiting_for", waitingFor),
        "",
        count);
  }

  private static double seconds(Duration time) {
    return time.toMillis() / 1e3;
  }

  private void gauge(
      String name, String description, Tags tags, String unit, ToDoubleFunction<Figures> value) {
    Gauge.builder(name, watch, it -> it.figures().map(value::applyAsDouble).orElse(Double.NaN))
        .description(description)
        .tags(tags)
        .baseUnit(unit.isEmpty() ? null : unit)
        .register(registry);
  }

  private void show(Figures figures) {
    List<MultiGauge.Row<?>> rows =
        figures.machines().stream()
            .<MultiGauge.Row<?>>map(machine ->
                MultiGauge.Row.of(
                    Tags.of("vm", machine.name(), "scheduled", String.valueOf(machine.scheduled())),
                    seconds(machine.restorePointAt())))
            .toList();
    restorePoints.register(rows, true);
    oldestProofs.register(
        figures.machines().stream()
            .filter(machine -> machine.scheduled() && machine.oldestProofAt().isPresent())
            .<MultiGauge.Row<?>>map(machine ->
                MultiGauge.Row.of(Tags.of("vm", machine.name()), seconds(machine.oldestProofAt())))
            .toList(),
        true);
  }

  private static double seconds(Optional<Instant> moment) {
    return moment.map(at -> at.toEpochMilli() / 1e3).orElse(0.0);
  }
}
