package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.definition.JobDefinitions;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The stored definitions, each read once for as long as its text is the same. Thread-safe. */
final class ParsedDefinitions {

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

  /** Forgets all others. */
  void keep(Collection<ScheduledMachine> machines) {
    parsed.keySet().retainAll(machines.stream().map(ScheduledMachine::vmId).toList());
  }
}
