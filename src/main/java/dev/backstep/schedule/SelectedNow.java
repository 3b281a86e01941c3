package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.Selections;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.job.definition.JobFolder;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The VMs that a scheduled selection stands for now, less those that other definitions back up: the
 * scheduled ones, and those of this server's folder. Thread-safe.
 */
final class SelectedNow {

  private static final Logger log = LoggerFactory.getLogger(SelectedNow.class);

  private final Selections selections;
  private final ScheduledMachines machines;
  private final JobFolder folder;

  SelectedNow(Selections selections, ScheduledMachines machines, JobFolder folder) {
    this.selections = selections;
    this.machines = machines;
    this.folder = folder;
  }

  /**
   * @throws dev.backstep.job.OperatorException as {@link Selections#expand}
   */
  Selections.Selected of(JobDefinition selection) {
    Selections.Selected selected = selections.expand(selection, inForce());
    selected.leftOut().forEach(log::info);
    return selected;
  }

  private Collection<JobDefinition> inForce() {
    Map<String, JobDefinition> byName = new HashMap<>();
    folder.read().byVmName().forEach((name, entry) -> byName.put(name, entry.definition()));
    for (ScheduledMachine machine : machines.list()) {
      try {
        byName.put(machine.vmName(), JobDefinitions.read(machine.definition()));
      } catch (JobDefinitionException e) {
        log.warn("{}: its stored definition is of another release", machine.vmName());
      }
    }
    return byName.values();
  }
}
