package dev.backstep.job.replicate;

import dev.backstep.domain.JobDefinition;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.VmSource;
import org.jspecify.annotations.Nullable;

/**
 * What this process holds of one run while it runs: things that no database can keep, such as an
 * open snapshot. Thread-safe.
 */
final class ActiveReplication {

  private final String id;
  private final JobDefinition definition;
  private final VmSource source;
  private final long leaseToken;
  private @Nullable Snapshot snapshot;

  ActiveReplication(String id, JobDefinition definition, VmSource source, long leaseToken) {
    this.id = id;
    this.definition = definition;
    this.source = source;
    this.leaseToken = leaseToken;
  }

  JobDefinition definition() {
    return definition;
  }

  VmSource source() {
    return source;
  }

  /** The fencing token under which this process runs it. */
  long leaseToken() {
    return leaseToken;
  }

  synchronized void snapshotOpened(Snapshot opened) {
    snapshot = opened;
  }

  /** The snapshot that every disk is read from. */
  synchronized Snapshot snapshot() {
    if (snapshot == null) {
      throw new IllegalStateException(id + ": no snapshot is open");
    }
    return snapshot;
  }

  SourceDisk disk(String key) {
    return snapshot().disks().stream()
        .filter(disk -> disk.key().value().equals(key))
        .findFirst()
        .orElseThrow(
            () -> new IllegalStateException(id + ": disk " + key + " is not in its snapshot"));
  }

  /** Ends what the snapshot holds open; the marks at the source stay. */
  synchronized void closeSnapshot() {
    Snapshot open = snapshot;
    snapshot = null;
    if (open != null) {
      open.close();
    }
  }
}
