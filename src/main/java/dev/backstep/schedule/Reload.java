package dev.backstep.schedule;

import java.util.List;

/**
 * What reading the folder of job definitions anew has changed. Names are those of VMs, sorted.
 *
 * @param added schedules that are new
 * @param changed schedules that fire at other times, or whose VM is backed up differently
 * @param removed schedules whose definition is gone, or has no schedule any more
 * @param unchanged how many stayed as they are
 * @param problems one text for each file that cannot be used; its schedule stays as it was
 */
public record Reload(
    List<String> added,
    List<String> changed,
    List<String> removed,
    int unchanged,
    List<String> problems) {

  public Reload {
    added = List.copyOf(added);
    changed = List.copyOf(changed);
    removed = List.copyOf(removed);
    problems = List.copyOf(problems);
  }
}
