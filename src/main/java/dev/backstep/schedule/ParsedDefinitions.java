package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The stored definitions, each read once for as long as its text is the same. Thread-safe. */
final class ParsedDefinitions {

  private static final Logger log = LoggerFactory.getLogger(ParsedDefinitions.class);

  private final Map<VmId, Parsed> parsed = new ConcurrentHashMap<>();

  private record Parsed(String text, JobDefinition definition) {}

  ScheduleDefinition schedule(ScheduledMachine machine) {
    return definition(machine).schedule().orElseThrow();
  }

  JobDefinition definition(ScheduledMachine machine) {
    Parsed known = parsed.get(machine.vmId());
    if (known == null || !known.text().equals(machine.definition())) {
      known = new Parsed(machine.definition(), JobDefinitions.read(machine.definition()));
      parsed.put(machine.vmId(), known);
    }
    return known.definition();
  }

  /**
   * What a server does for a VM by itself beside its backups. Empty, too, while the VM is paused,
   * and when another release has written the definition in a way that this one does not read.
   */
  <T> Optional<T> active(ScheduledMachine machine, Function<JobDefinition, Optional<T>> what) {
    try {
      return machine.paused() ? Optional.empty() : what.apply(definition(machine));
    } catch (JobDefinitionException e) {
      log.warn(
          "{}: its stored definition cannot be used here: {}", machine.vmName(), e.getMessage());
      return Optional.empty();
    }
  }

  /** Forgets all others. */
  void keep(Collection<ScheduledMachine> machines) {
    parsed.keySet().retainAll(machines.stream().map(ScheduledMachine::vmId).toList());
  }
}
