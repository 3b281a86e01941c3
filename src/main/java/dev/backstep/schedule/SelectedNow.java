package dev.backstep.schedule;

import dev.backstep.catalog.ScheduledMachine;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.Look;
import dev.backstep.job.Selections;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobFolder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
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
  private final Supplier<JobFolder.Content> folder;
  private final ParsedDefinitions parsed = new ParsedDefinitions();

  /**
   * @param folder what this server's folder holds, not while somebody is writing to it
   */
  SelectedNow(
      Selections selections, ScheduledMachines machines, Supplier<JobFolder.Content> folder) {
    this.selections = selections;
    this.machines = machines;
    this.folder = folder;
  }

  /**
   * @throws dev.backstep.job.OperatorException as {@link Look#expand}, and when the folder is away
   */
  Selections.Selected of(JobDefinition selection) {
    Selections.Selected selected = look().expand(selection);
    selected.leftOut().forEach(log::info);
    selected.unprotected().forEach(log::warn);
    return selected;
  }

  private Look look() {
    JobFolder.Content content = folder.get();
    Map<String, JobDefinition> byName = new HashMap<>();
    content.definitions().forEach(one -> byName.put(one.vmName(), one));
    List<JobDefinitionException> broken = new ArrayList<>(content.broken());
    List<ScheduledMachine> scheduled = machines.list();
    parsed.keep(scheduled);
    for (ScheduledMachine machine : scheduled) {
      try {
        byName.put(machine.vmName(), parsed.definition(machine));
      } catch (JobDefinitionException e) {
        broken.add(e);
      }
    }
    return selections.look(byName.values(), broken);
  }
}
