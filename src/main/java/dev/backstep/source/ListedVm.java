package dev.backstep.source;

import java.util.Map;
import java.util.Set;

/**
 * A VM that a source has, for definitions that select VMs.
 *
 * @param title empty where it has none
 * @param tags what its owner has tagged it with
 * @param naming the settings with which a definition names this VM, whatever it is called later
 */
public record ListedVm(String name, String title, Set<String> tags, Map<String, String> naming) {
  public ListedVm {
    tags = Set.copyOf(tags);
    naming = Map.copyOf(naming);
  }

  /** Whether settings name it, by its name or by what stays. */
  public boolean isNamedBy(Map<String, String> settings) {
    return naming.entrySet().stream()
        .anyMatch(own -> isMeant(own.getValue(), settings.getOrDefault(own.getKey(), "")));
  }

  /** UUIDs are taken in upper case and without dashes, too. */
  private boolean isMeant(String stays, String said) {
    return said.equals(name) || bare(said).equalsIgnoreCase(bare(stays));
  }

  private static String bare(String id) {
    return id.replace("-", "");
  }
}
