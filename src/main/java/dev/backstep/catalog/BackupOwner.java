package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Whose a backup is, and who runs it. */
record BackupOwner(
    BackupId backup,
    VmId vm,
    RepositoryId repository,
    Status status,
    OptionalLong token,
    Instant createdAt) {

  /**
   * Takes the row's lock until the transaction ends: takeover and publishing exclude each other.
   */
  static Optional<BackupOwner> lock(JdbcClient jdbc, BackupId id) {
    return find(jdbc, id, " for update");
  }

  static Optional<BackupOwner> find(JdbcClient jdbc, BackupId id) {
    return find(jdbc, id, "");
  }

  private static Optional<BackupOwner> find(JdbcClient jdbc, BackupId id, String lock) {
    return jdbc.sql(
            """
            select vm_id, repository_id, status, lease_token, created_at
            from backups where id = :id\
            """
                + lock)
        .param("id", id.value())
        .query((row, index) -> {
          long token = row.getLong("lease_token");
          boolean unowned = row.wasNull();
          return new BackupOwner(
              id,
              new VmId(row.getString("vm_id")),
              new RepositoryId(row.getString("repository_id")),
              Status.valueOf(row.getString("status")),
              unowned ? OptionalLong.empty() : OptionalLong.of(token),
              UtcTime.read(row, "created_at"));
        })
        .optional();
  }

  boolean isRunBy(long expected) {
    return status == Status.RUNNING && isUnder(expected);
  }

  /** Whether it is, or was, a restore point. */
  boolean wasCompleted() {
    return wasCompleted(status);
  }

  static boolean wasCompleted(Status status) {
    return switch (status) {
      case COMPLETED, DELETING, DELETED -> true;
      default -> false;
    };
  }

  boolean isUnder(long expected) {
    return token.isPresent() && token.getAsLong() == expected;
  }
}
