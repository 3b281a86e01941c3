package dev.backstep.job.replicate;

import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.Replications;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.Sources;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.SourceException;
import dev.backstep.source.VmSource;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/** Clears what runs leave at their sources: marks and snapshots that nobody needs any more. */
@Component
class ReplicaLeftovers {

  private static final Logger log = LoggerFactory.getLogger(ReplicaLeftovers.class);

  private final Replications replications;
  private final ReplicationQueries queries;
  private final Sources sources;
  private final ProcessLease lease;

  /** The runs whose snapshots this process lets go at this moment. */
  private final Set<String> releasing = ConcurrentHashMap.newKeySet();

  ReplicaLeftovers(
      Replications replications, ReplicationQueries queries, Sources sources, ProcessLease lease) {
    this.replications = replications;
    this.queries = queries;
    this.sources = sources;
    this.lease = lease;
  }

  /**
   * Lets the snapshot of a run go. Marks that cannot be removed now are logged and removed by the
   * next run: they cost the source a little, and no replica its truth.
   */
  void release(ReplicationRun run, VmSource source) {
    releaseMarks(run, source);
    replications.snapshotClosed(run.id());
  }

  private void releaseMarks(ReplicationRun run, VmSource source) {
    Map<DiskKey, Set<ChangeId>> keep = new HashMap<>();
    run.disks().forEach(disk -> keep.put(disk.diskKey(), Set.of()));
    for (ReplicaDisk replica : queries.replicas(run.vmPath())) {
      keep.put(replica.diskKey(), replica.changeId().map(Set::of).orElse(Set.of()));
    }
    try {
      source.releaseMarks(run.replication(), keep);
    } catch (SourceException e) {
      log.warn("{}: old marks stay at the source until the next run: {}", run.id(), e.getMessage());
    }
  }

  /**
   * Lets snapshots go that no run will take up again. A source may take minutes, in which a run of
   * another VM in the list may begin: each is asked about again when its turn has come.
   */
  void closeSnapshots(Instant now) {
    for (ReplicationRun run : queries.snapshotsToClose(now)) {
      long token = lease.token();
      if (!releasing.add(run.id())) {
        continue;
      }
      try {
        if (replications.beginRelease(run.id(), token, now)) {
          close(run.id(), token);
        }
      } catch (SourceException | RuntimeException e) {
        log.warn("{}: its snapshot stays for the next try: {}", run.id(), e.getMessage());
      } finally {
        releasing.remove(run.id());
      }
    }
  }

  private void close(String id, long token) throws SourceException {
    boolean gone = false;
    try {
      ReplicationRun run = queries.run(id).orElseThrow();
      releaseMarks(run, sources.open(JobDefinitions.read(run.definition()).source()));
      gone = true;
      log.info("{}: its snapshot is let go", id);
    } finally {
      replications.endRelease(id, token, gone);
    }
  }

  /**
   * The run of the same VM path whose snapshot is let go at this moment, by any process. One that
   * this process is at no more, to whose end the database did not answer, is ended.
   */
  Optional<String> released(ReplicationRun run) {
    Optional<String> other = replications.released(run.replication());
    if (other.isEmpty() || releasing.contains(other.get())) {
      return other;
    }
    // Changes nothing where it is another process's. Ours begins none of this VM path meanwhile,
    // for a run is at work.
    replications.endRelease(other.get(), lease.token(), false);
    return replications.released(run.replication());
  }
}
