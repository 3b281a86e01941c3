package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import java.time.Instant;
import java.util.Optional;

/**
 * A backup whose time has come.
 *
 * @param sourceHost where its source is
 * @param stopAt the end of its window
 * @param waitingFor why it was not begun so far
 * @param busyWith another backup of its VM that runs or waits, or what replicates it
 */
public record DueBackup(
    BackupId id,
    RepositoryId repository,
    Optional<String> sourceHost,
    Optional<Instant> stopAt,
    Optional<String> waitingFor,
    Optional<BackupId> busyWith) {}
