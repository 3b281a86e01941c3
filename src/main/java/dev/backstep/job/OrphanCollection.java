package dev.backstep.job;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Status;
import dev.backstep.repository.Orphans;
import dev.backstep.repository.Orphans.Orphan;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.stereotype.Component;

/**
 * Files of a repository that neither its manifests nor the catalog name: listed, and collected when
 * they are old. Thread-safe.
 */
@Component
public class OrphanCollection {

  private final BackupQueries backups;
  private final ObjectProvider<RepositoryLocks> locks;

  public OrphanCollection(BackupQueries backups, ObjectProvider<RepositoryLocks> locks) {
    this.backups = backups;
    this.locks = locks;
  }

  /**
   * What was found.
   *
   * @param collected whether it is gone
   */
  public record Found(Orphan orphan, boolean collected) {}

  /** As JSON, in the form of {@link BackupDocument}. */
  public static Map<String, Object> fields(Found found) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("file", found.orphan().file().toString());
    fields.put("kind", found.orphan().why());
    fields.put("bytes", found.orphan().bytes());
    fields.put("modified_at", BackupDocument.time(found.orphan().modifiedAt()));
    fields.put("collected", found.collected());
    return fields;
  }

  /**
   * @param age how long a file must not have been changed to be collected; another installation may
   *     be writing it
   * @param collect whether they go; else nothing is changed
   * @throws OperatorException FAILED when the folder is no repository or cannot be read
   */
  public List<Found> run(Path folder, Duration age, boolean collect) {
    try {
      Repository repository = Repository.open(folder);
      if (collect) {
        locks.getObject().take(repository);
      }
      Orphans orphans = new Orphans(repository);
      Instant youngest = Instant.now().minus(age);
      List<Found> found = new ArrayList<>();
      for (Orphan orphan : orphans.find()) {
        if (orphan.disk().isPresent() && isNamed(orphan, orphan.disk().get())) {
          continue;
        }
        boolean old = orphan.modifiedAt().isBefore(youngest);
        found.add(new Found(orphan, collect && old && orphans.collect(orphan)));
      }
      return found;
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  /**
   * Whether the catalog counts on it. A merged image in progress is nobody's but the merge's, which
   * begins anew without it.
   */
  private boolean isNamed(Orphan orphan, DiskBackupId id) {
    Optional<BackupRow> row = backups.find(id.value());
    Optional<Status> status =
        row.stream()
            .flatMap(found -> found.disks().stream())
            .filter(disk -> disk.id().equals(id))
            .map(BackupDiskRow::status)
            .findFirst();
    if (status.isEmpty()) {
      return false;
    }
    boolean partial = orphan.why().equals("partial");
    return switch (status.get()) {
      case COMPLETED, DELETING -> !partial;
      case ABANDONED -> false;
      case DELETED -> row.orElseThrow().status() == Status.DELETING;
      default -> true;
    };
  }
}
