package dev.backstep.domain;

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
