package dev.backstep.monitor;

import dev.backstep.catalog.Figures;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.job.ReplicationEvent;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import java.util.List;
import java.util.Locale;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Counts what this process does of replications, and shows which moments their targets hold. */
@Component
final class ReplicationMeters {

  private final MeterRegistry registry;
  private final Counter bytesWritten;
  private final MultiGauge replicas;

  ReplicationMeters(MeterRegistry registry, DatabaseWatch watch) {
    this.registry = registry;
    this.bytesWritten =
        Counter.builder("backstep.replica.written")
            .baseUnit("bytes")
            .description("Bytes written to targets of replications")
            .register(registry);
    this.replicas =
        MultiGauge.builder("backstep.replica.timestamp")
            .baseUnit("seconds")
            .description(
                "Moment that all targets of the VM show or are newer than; 0 when none does")
            .register(registry);
    for (Status result : List.of(Status.COMPLETED, Status.FAILED, Status.STOPPED)) {
      runs(result);
    }
    watch.onFigures(this::show);
  }

  private Counter runs(Status result) {
    return Counter.builder("backstep.replications")
        .description("Runs of replications that ended, relaunched ones each time")
        .tag("result", result.name().toLowerCase(Locale.ROOT))
        .register(registry);
  }

  @EventListener
  void happened(ReplicationEvent event) {
    switch (event) {
      case ReplicationEvent.Copied(long written) -> bytesWritten.increment(written);
      case ReplicationEvent.DiskEnded(ReplicationRunDisk disk) -> diskEnded(disk);
      case ReplicationEvent.Ended(Status status) -> runs(status).increment();
    }
  }

  private void diskEnded(ReplicationRunDisk disk) {
    Counter.builder("backstep.replica.disks")
        .description("Disks of runs of replications that ended, relaunched ones each time")
        .tag("result", disk.status().name().toLowerCase(Locale.ROOT))
        .tag("level", disk.reason().map(reason -> reason.level().word()).orElse("none"))
        .tag("reason", disk.reason().map(Reason::name).orElse("none"))
        .register(registry)
        .increment();
  }

  private void show(Figures figures) {
    List<MultiGauge.Row<?>> rows =
        figures.replicas().stream()
            .<MultiGauge.Row<?>>map(replica ->
                MultiGauge.Row.of(
                    Tags.of("vm", replica.vmPath()),
                    replica.takenAt().map(at -> at.toEpochMilli() / 1e3).orElse(0.0)))
            .toList();
    replicas.register(rows, true);
  }
}
