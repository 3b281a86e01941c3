package dev.backstep.source;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import java.util.Map;
import java.util.Set;

/**
 * What a source needs to know to make a snapshot.
 *
 * @param since for each disk that has a completed backup with a change id, that change id: the one
 *     that {@link SourceDisk#changed} will be asked for
 * @param exclude disks to leave out
 */
public record SnapshotRequest(
    RepositoryId repository, BackupId backup, Map<DiskKey, ChangeId> since, Set<DiskKey> exclude) {

  public SnapshotRequest {
    since = Map.copyOf(since);
    exclude = Set.copyOf(exclude);
  }
}
