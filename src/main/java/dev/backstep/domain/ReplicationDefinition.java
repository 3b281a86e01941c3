package dev.backstep.domain;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where a VM's disks are replicated to, and when.
 *
 * @param folder an absolute path in which each disk without a target of its own gets a raw file
 * @param targets by disk key: a raw file's or block device's absolute path, or an NBD URI
 * @param exclude keys of disks to leave out, beside those that the VM's definition leaves out
 */
public record ReplicationDefinition(
    Optional<String> folder,
    Map<DiskKey, String> targets,
    Set<DiskKey> exclude,
    Optional<ScheduleDefinition> schedule) {

  public ReplicationDefinition {
    targets = Map.copyOf(targets);
    exclude = Set.copyOf(exclude);
  }

  /** Where a disk goes; empty when nothing says so. */
  public Optional<String> target(DiskKey key) {
    return Optional.ofNullable(targets.get(key))
        .or(() ->
            folder.map(in -> Path.of(in).resolve(SafeName.of(key.value()) + ".raw").toString()));
  }
}
