package dev.backstep.domain;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a VM's disks come from, as its job definition says.
 *
 * @param type {@code image}, {@code nbd}, ...
 * @param disks the disks listed; empty for sources that discover them
 * @param settings what else the source understands
 */
public record SourceDefinition(
    String type, List<DiskDefinition> disks, Map<String, String> settings) {

  public SourceDefinition {
    disks = List.copyOf(disks);
    settings = Map.copyOf(settings);
  }

  /** What the names of settings begin with that select VMs. */
  private static final String SELECT = "select-";

  public static final String SELECT_NAME = SELECT + "name";
  public static final String SELECT_TITLE = SELECT + "title";
  public static final String SELECT_TAG = SELECT + "tag";

  /** The setting with which a selection of no VM is right. */
  public static final String ALLOW_EMPTY = "allow-empty";

  /** Whether it stands for the VMs that it selects, however many these are, and not for one. */
  public boolean isSelection() {
    return settings.keySet().stream().anyMatch(name -> name.startsWith(SELECT));
  }

  /** One VM of those that it selects, as if a definition had named it. */
  public SourceDefinition selected(Map<String, String> naming) {
    Map<String, String> own = new HashMap<>(settings);
    own.keySet().removeIf(name -> name.startsWith(SELECT) || name.equals(ALLOW_EMPTY));
    own.putAll(naming);
    return new SourceDefinition(type, disks, own);
  }

  /**
   * One listed disk.
   *
   * @param location an absolute path ({@code image}), an NBD URI ({@code nbd}), or what a QEMU
   *     calls it ({@code qmp}): {@code node:NAME} or {@code device:NAME}
   * @param settings what else the source understands of this disk
   */
  public record DiskDefinition(DiskKey key, String location, Map<String, String> settings) {
    public DiskDefinition {
      settings = Map.copyOf(settings);
    }
  }
}
