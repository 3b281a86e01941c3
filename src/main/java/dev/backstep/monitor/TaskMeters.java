package dev.backstep.monitor;

import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.TaskEvent;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Locale;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Counts how the tasks end that this process runs, or finds dead. */
@Component
final class TaskMeters {

  private final MeterRegistry registry;

  TaskMeters(MeterRegistry registry) {
    this.registry = registry;
    for (TaskKind kind : TaskKind.values()) {
      for (Status result : List.of(Status.COMPLETED, Status.FAILED, Status.STOPPED)) {
        tasks(kind, result);
      }
    }
  }

  private Counter tasks(TaskKind kind, Status result) {
    return Counter.builder("backstep.tasks")
        .description("Tasks that ended, relaunched ones each time")
        .tag("kind", kind.word())
        .tag("result", result.name().toLowerCase(Locale.ROOT))
        .register(registry);
  }

  @EventListener
  void ended(TaskEvent event) {
    tasks(event.kind(), event.status()).increment();
  }
}
