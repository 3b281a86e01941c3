package dev.backstep.api;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Repositories;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.job.Refusals;
import dev.backstep.job.Sources;
import dev.backstep.source.SourceException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/** Whether every disk of a VM has a backup that an incremental one can stand on. */
@Component
class RequiredBaselines {

  private final Sources sources;
  private final Machines machines;
  private final Repositories repositories;
  private final BackupQueries queries;

  RequiredBaselines(
      Sources sources, Machines machines, Repositories repositories, BackupQueries queries) {
    this.sources = sources;
    this.machines = machines;
    this.repositories = repositories;
    this.queries = queries;
  }

  /**
   * @throws Problem 422 when a disk that the VM has now would go full for want of one
   * @throws dev.backstep.job.OperatorException when the source must be asked which disks there are,
   *     and cannot tell
   */
  void require(JobDefinition definition) {
    Set<DiskKey> missing = disks(definition);
    Optional<RepositoryId> repository = repositories.find(definition.repository());
    Map<Integer, DiskKey> known = machines.disks(definition.vmId());
    known.forEach((diskId, key) -> {
      if (repository.isPresent() && hasBaseline(definition, repository.get(), diskId)) {
        missing.remove(key);
      }
    });
    if (!missing.isEmpty()) {
      throw new Problem(
          HttpStatus.UNPROCESSABLE_CONTENT,
          "NO_BASELINE: disks "
              + missing
              + " of "
              + definition.vmName()
              + " have no completed backup with a change id; ask for auto or full, or leave"
              + " 'strict' out");
    }
  }

  private boolean hasBaseline(JobDefinition definition, RepositoryId repository, int diskId) {
    return queries
        .baseline(repository, definition.vmId(), diskId)
        .flatMap(Baseline::changeId)
        .isPresent();
  }

  /** Those that a definition lists; else those that its source has now, new ones among them. */
  private Set<DiskKey> disks(JobDefinition definition) {
    List<DiskDefinition> listed = definition.source().disks();
    Set<DiskKey> keys = new LinkedHashSet<>();
    if (listed.isEmpty()) {
      try {
        keys.addAll(sources.open(definition.source()).sizes(definition.exclude()).keySet());
      } catch (SourceException e) {
        throw Refusals.of(e);
      }
    } else {
      listed.forEach(disk -> keys.add(disk.key()));
      keys.removeAll(definition.exclude());
    }
    return keys;
  }
}
