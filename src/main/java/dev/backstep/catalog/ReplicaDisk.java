package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RepositoryId;
import java.time.Instant;
import java.util.Optional;

/**
 * What the target of a replicated disk holds: the lineage's end.
 *
 * @param replication whose it is; marks at the source carry it
 * @param changeId what the next run asks about: with {@link ReplicaState#WHOLE} the moment that the
 *     target shows, with {@link ReplicaState#PARTIAL} the one that every byte shows that has not
 *     changed at the source since
 * @param target a path or URI; empty where another program writes it
 * @param identity the target as the run that completed it left it, in that run's own form
 * @param virtualSize the disk's size then, in bytes; 0 where it was not told
 * @param takenAt the moment that it showed when it was last WHOLE
 * @param run the run that completed it last
 * @param writtenBy the restore that was begun onto it since a run has written it, until one has
 *     come to its end again
 * @param auditPosition byte at which the next audit of change tracking goes on, cluster aligned
 */
public record ReplicaDisk(
    RepositoryId replication,
    String vmPath,
    Mover mover,
    DiskKey diskKey,
    ReplicaState state,
    Optional<ChangeId> changeId,
    Optional<String> target,
    Optional<String> identity,
    long virtualSize,
    Optional<Instant> takenAt,
    Optional<String> run,
    Optional<String> writtenBy,
    long auditPosition,
    Instant changedAt) {}
