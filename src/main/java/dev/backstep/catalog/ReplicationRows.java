package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Reason;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Rows of replications, and the locks on them that several classes take. */
final class ReplicationRows {

  private ReplicationRows() {}

  /** What the replication of a VM path is known by. */
  record Head(RepositoryId id, Mover mover) {}

  /** The VM whose disks a task reads or writes over, of a replication's run or a restore. */
  static Optional<VmId> vm(JdbcClient jdbc, String task) {
    return jdbc.sql(
            """
            select vm_id from replication_runs where id = :id and vm_id is not null
            union select vm_id from restored_machines where task_id = :id\
            """)
        .param("id", task)
        .query((row, index) -> new VmId(row.getString("vm_id")))
        .optional();
  }

  /** Makes the replication of a VM path known, unless it is; apart from any transaction. */
  static void register(JdbcClient jdbc, RepositoryId id, String vmPath, Mover mover, Instant now) {
    if (head(jdbc, vmPath, "").isPresent()) {
      return;
    }
    try {
      jdbc.sql(
              """
              insert into replications (id, vm_path, mover, created_at)
              values (:id, :path, :mover, :now)\
              """)
          .param("id", id.value())
          .param("path", vmPath)
          .param("mover", mover.name())
          .param("now", UtcTime.of(now))
          .update();
    } catch (DuplicateKeyException e) {
      if (head(jdbc, vmPath, "").isEmpty()) {
        throw e;
      }
    }
  }

  /**
   * The replication of a VM path; one transaction at a time decides about it.
   *
   * @throws ReplicationConflictException when another mover's runs it is for
   */
  static RepositoryId lock(JdbcClient jdbc, String vmPath, Mover mover) {
    Head head = head(jdbc, vmPath, " for update").orElseThrow();
    if (head.mover() != mover) {
      throw new ReplicationConflictException(
          "'"
              + vmPath
              + "' is replicated by "
              + (head.mover() == Mover.INTERNAL ? "this program" : "a mover outside this program")
              + "; what one of the two knows of its targets is nothing for the other: use another"
              + " vm_path or VM name");
    }
    return head.id();
  }

  /** As {@link #lock}, whoever's runs it is for. */
  static void lock(JdbcClient jdbc, RepositoryId replication) {
    jdbc.sql("select id from replications where id = :id for update")
        .param("id", replication.value())
        .query(String.class)
        .optional();
  }

  /** The replication that a run is of. */
  static RepositoryId ofRun(JdbcClient jdbc, String run) {
    return jdbc.sql("select replication_id from replication_runs where id = :id")
        .param("id", run)
        .query((row, index) -> new RepositoryId(row.getString("replication_id")))
        .single();
  }

  private static Optional<Head> head(JdbcClient jdbc, String vmPath, String lock) {
    return jdbc.sql("select id, mover from replications where vm_path = :path" + lock)
        .param("path", vmPath)
        .query((row, index) ->
            new Head(new RepositoryId(row.getString("id")), Mover.valueOf(row.getString("mover"))))
        .optional();
  }

  static long nextRunNo(JdbcClient jdbc, RepositoryId replication) {
    return jdbc.sql(
            """
            select coalesce(max(run_no), 0) + 1 from replication_runs
            where replication_id = :replication\
            """)
        .param("replication", replication.value())
        .query(Long.class)
        .single();
  }

  static ReplicaDisk replica(ResultSet row) throws SQLException {
    return new ReplicaDisk(
        new RepositoryId(row.getString("replication_id")),
        row.getString("vm_path"),
        Mover.valueOf(row.getString("mover")),
        new DiskKey(row.getString("disk_key")),
        ReplicaState.valueOf(row.getString("state")),
        changeId(row, "change_id"),
        Optional.ofNullable(row.getString("target")),
        Optional.ofNullable(row.getString("identity")),
        row.getLong("virtual_size"),
        UtcTime.find(row, "taken_at"),
        Optional.ofNullable(row.getString("run_id")),
        Optional.ofNullable(row.getString("written_by")),
        row.getLong("audit_position"),
        UtcTime.read(row, "changed_at"));
  }

  static ReplicationRunDisk disk(ResultSet row) throws SQLException {
    @Nullable String cause = row.getString("cause");
    return new ReplicationRunDisk(
        row.getInt("disk_no"),
        new DiskKey(row.getString("disk_key")),
        Optional.ofNullable(row.getString("target")),
        Status.valueOf(row.getString("status")),
        Optional.ofNullable(row.getString("reason")).map(Reason::valueOf),
        cause == null ? "" : cause,
        changeId(row, "change_id"),
        changeId(row, "previous_change_id"),
        row.getLong("virtual_size"),
        row.getLong("bytes_total"),
        row.getLong("bytes_done"),
        row.getLong("bytes_written"),
        row.getLong("bytes_audited"),
        row.getLong("audit_bytes_differing"),
        row.getLong("bytes_compared"),
        row.getLong("bytes_differing"),
        UtcTime.find(row, "completed_at"));
  }

  private static Optional<ChangeId> changeId(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getString(column)).map(ChangeId::new);
  }
}
