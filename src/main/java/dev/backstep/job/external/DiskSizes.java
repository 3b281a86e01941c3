package dev.backstep.job.external;

import dev.backstep.backup.MovedImage;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.job.ExternalBackups.DiskRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Sources;
import dev.backstep.source.SourceException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;

/** Which disks a mover copies and how large they are. Thread-safe. */
@Component
class DiskSizes {

  private final Sources sources;

  DiskSizes(Sources sources) {
    this.sources = sources;
  }

  /**
   * The disks of a definition less the excluded ones, as the mover and else the source describe
   * them.
   *
   * @throws OperatorException USAGE when they contradict each other or leave something open
   * @throws SourceException when the source must be asked and cannot tell
   */
  List<MovedDisk> find(JobDefinition definition, List<DiskRequest> requested)
      throws SourceException {
    Map<DiskKey, DiskRequest> named = byKey(requested);
    Set<DiskKey> keys = listed(definition);
    boolean discovers = keys.isEmpty();
    keys.addAll(discovers ? named.keySet() : Set.of());
    keys.removeAll(definition.exclude());
    Map<DiskKey, Long> found = Map.of();
    if ((discovers && named.isEmpty()) || !sized(named).containsAll(keys)) {
      Set<DiskKey> known = new HashSet<>(definition.exclude());
      known.addAll(sized(named));
      found = sources.open(definition.source()).sizes(known);
      keys.addAll(discovers && named.isEmpty() ? found.keySet() : Set.of());
    }
    requireKnown(definition, named.keySet(), keys);
    List<MovedDisk> disks = new ArrayList<>();
    for (DiskKey key : keys) {
      disks.add(disk(key, Optional.ofNullable(named.get(key)), found));
    }
    return disks;
  }

  private static Map<DiskKey, DiskRequest> byKey(List<DiskRequest> requested) {
    Map<DiskKey, DiskRequest> named = new LinkedHashMap<>();
    for (DiskRequest disk : requested) {
      if (named.put(disk.key(), disk) != null) {
        throw OperatorException.usage("disk " + disk.key() + " is named twice", null);
      }
    }
    return named;
  }

  private static Set<DiskKey> listed(JobDefinition definition) {
    return definition.source().disks().stream()
        .map(DiskDefinition::key)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  private static Set<DiskKey> sized(Map<DiskKey, DiskRequest> named) {
    return named.values().stream()
        .filter(disk -> disk.sizeBytes().isPresent())
        .map(DiskRequest::key)
        .collect(Collectors.toSet());
  }

  private static void requireKnown(
      JobDefinition definition, Set<DiskKey> named, Set<DiskKey> known) {
    for (DiskKey key : named) {
      if (!known.contains(key)) {
        throw OperatorException.usage(
            "disk "
                + key
                + " is not among those of VM "
                + definition.vmName()
                + " that its definition backs up: "
                + known,
            null);
      }
    }
    if (known.isEmpty()) {
      throw OperatorException.usage(
          "VM " + definition.vmName() + " has no disk to back up; name its disks and sizes", null);
    }
  }

  private static MovedDisk disk(
      DiskKey key, Optional<DiskRequest> request, Map<DiskKey, Long> found) {
    Long size =
        request
            .filter(named -> named.sizeBytes().isPresent())
            .map(named -> named.sizeBytes().getAsLong())
            .orElse(found.get(key));
    if (size == null) {
      throw OperatorException.usage(
          "disk " + key + " is not at its source; name its size with the request", null);
    }
    try {
      // Before anything is kept of it.
      MovedImage image = new MovedImage(size, Optional.empty());
      return new MovedDisk(
          key, image.sizeBytes(), request.map(DiskRequest::trackingReset).orElse(false));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage("disk " + key + ": " + e.getMessage(), e);
    }
  }
}
