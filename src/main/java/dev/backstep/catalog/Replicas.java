package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.Status;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The disks of runs of replications, and what their targets hold. Each method joins the surrounding
 * transaction, else runs in one of its own. Safe for use by several threads.
 *
 * <p>Methods that take a lease token refuse it with {@link FencedException} when the run does not
 * run under it, or the lease has ended.
 */
public final class Replicas {

  /** What a run does with a disk; in bytes. */
  public record Plan(
      Reason reason, String cause, Optional<ChangeId> previousChangeId, long bytesTotal) {}

  /**
   * What a target holds from now on.
   *
   * @param identity of the target as it was left
   */
  public record Held(
      Optional<ChangeId> changeId,
      String identity,
      long virtualSize,
      Instant takenAt,
      long auditPosition) {}

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Tasks tasks;
  private final Clock clock;

  public Replicas(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.tasks = tasks;
    this.clock = clock;
  }

  /**
   * Takes a target for a disk: until the run has ended no restore begins onto it. Where one was
   * begun since a run of this replication had it, nothing that a run has left there counts any
   * more, also what this run has begun itself.
   *
   * @param target as it was said
   * @param names every name of it
   * @throws TargetBusyException when a restore is writing there
   */
  public void take(
      String run, long leaseToken, int number, DiskKey key, String target, Set<String> names)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      String replication = replicationOf(run);
      Map<String, String> places = new TreeMap<>();
      names.forEach(name -> places.put(name, target));
      WrittenTargets.retake(jdbc, run, replication, places)
          .ifPresent(writer -> lose(run, replication, number, key, writer));
      return run;
    });
  }

  private void lose(String run, String replication, int number, DiskKey key, String writer) {
    jdbc.sql(
            """
            update replication_disks set state = 'PARTIAL', change_id = null, identity = null,
              written_by = :writer, changed_at = :now
            where replication_id = :replication and disk_key = :key\
            """)
        .param("writer", writer)
        .param("now", UtcTime.of(clock.instant()))
        .param("replication", replication)
        .param("key", key.value())
        .update();
    jdbc.sql(
            """
            update replication_run_disks set level = null, reason = null, cause = null,
              previous_change_id = null
            where run_id = :run and disk_no = :no and status <> 'COMPLETED'\
            """)
        .param("run", run)
        .param("no", number)
        .update();
  }

  /**
   * Sets a disk RUNNING with what is done with it; what was copied counts from 0, what its audit
   * found stays.
   */
  public void planned(String run, long leaseToken, int number, Plan plan) throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      return jdbc.sql(
              """
              update replication_run_disks set status = 'RUNNING', level = :level,
                reason = :reason, cause = :cause, previous_change_id = :previous,
                bytes_total = :total, bytes_done = 0, bytes_written = 0
              where run_id = :run and disk_no = :no and status <> 'COMPLETED'\
              """)
          .param("level", plan.reason().level().word())
          .param("reason", plan.reason().name())
          .param("cause", plan.cause().isEmpty() ? null : plan.cause())
          .param("previous", plan.previousChangeId().map(ChangeId::value).orElse(null))
          .param("total", plan.bytesTotal())
          .param("run", run)
          .param("no", number)
          .update();
    });
  }

  /** Sets a disk that was planned before RUNNING again. */
  public void continued(String run, long leaseToken, int number) throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      return status(run, number, Status.RUNNING);
    });
  }

  /** Notes that a disk's run has failed or stopped, unless it is completed. */
  public void diskEnded(String run, int number, Status status) {
    status(run, number, status);
  }

  private int status(String run, int number, Status status) {
    return jdbc.sql(
            """
            update replication_run_disks set status = :status
            where run_id = :run and disk_no = :no and status <> 'COMPLETED'\
            """)
        .param("status", status.name())
        .param("run", run)
        .param("no", number)
        .update();
  }

  /**
   * Notes that the first byte is about to be written to a target: it is PARTIAL until the disk is
   * completed. To be committed before that byte is written.
   *
   * @param keepsChangeId whether all that is not written holds the disk as of its change id: a run
   *     that writes what changed since. Otherwise the change id is forgotten
   * @throws ReplicationConflictException when another disk has this target
   */
  public void begun(String run, long leaseToken, DiskKey key, String target, boolean keepsChangeId)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      String replication = replicationOf(run);
      requireOwn(replication, key, target);
      int known =
          jdbc.sql(
                  """
                  update replication_disks set state = :state, target = :target,
                    identity = case when :keeps then identity else null end,
                    change_id = case when :keeps then change_id else null end, changed_at = :now
                  where replication_id = :replication and disk_key = :key\
                  """)
              .param("state", ReplicaState.PARTIAL.name())
              .param("target", target)
              .param("keeps", keepsChangeId)
              .param("now", UtcTime.of(clock.instant()))
              .param("replication", replication)
              .param("key", key.value())
              .update();
      if (known == 0) {
        jdbc.sql(
                """
                insert into replication_disks
                  (replication_id, disk_key, state, target, changed_at)
                values (:replication, :key, 'PARTIAL', :target, :now)\
                """)
            .param("replication", replication)
            .param("key", key.value())
            .param("target", target)
            .param("now", UtcTime.of(clock.instant()))
            .update();
      }
      return known;
    });
  }

  private String replicationOf(String run) {
    return jdbc.sql("select replication_id from replication_runs where id = :run")
        .param("run", run)
        .query(String.class)
        .single();
  }

  private void requireOwn(String replication, DiskKey key, String target) {
    jdbc.sql(
            """
            select r.vm_path, d.disk_key from replication_disks d
              join replications r on r.id = d.replication_id
            where d.target = :target and (d.replication_id <> :replication or d.disk_key <> :key)
            order by r.vm_path, d.disk_key limit 1\
            """)
        .param("target", target)
        .param("replication", replication)
        .param("key", key.value())
        .query((row, index) -> "disk " + row.getString("disk_key") + " of " + row.getString(1))
        .optional()
        .ifPresent(other -> {
          throw new ReplicationConflictException(
              target + " is the target of " + other + " already; name another place");
        });
  }

  /** Notes how far a disk is, and the task with it. In bytes. */
  public void progress(String run, long leaseToken, int number, long done, long written)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      jdbc.sql(
              """
              update replication_run_disks set bytes_done = :done, bytes_written = :written
              where run_id = :run and disk_no = :no\
              """)
          .param("done", done)
          .param("written", written)
          .param("run", run)
          .param("no", number)
          .update();
      sum(run);
      return run;
    });
  }

  private void sum(String run) {
    jdbc.sql(
            """
            update tasks set
              bytes_done = (select coalesce(sum(d.bytes_done), 0)
                from replication_run_disks d where d.run_id = :run),
              bytes_total = (select coalesce(sum(d.bytes_total), 0)
                from replication_run_disks d where d.run_id = :run)
            where id = :run\
            """)
        .param("run", run)
        .update();
  }

  /** Notes what an audit of change tracking has found. In bytes. */
  public void audited(String run, long leaseToken, int number, long audited, long differing)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      return jdbc.sql(
              """
              update replication_run_disks
              set bytes_audited = :audited, audit_bytes_differing = :differing
              where run_id = :run and disk_no = :no\
              """)
          .param("audited", audited)
          .param("differing", differing)
          .param("run", run)
          .param("no", number)
          .update();
    });
  }

  /**
   * Completes a disk: its target is WHOLE and the change id visible, in one transaction. To be
   * called when the target has been forced.
   */
  public void completed(String run, long leaseToken, int number, DiskKey key, Held held)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      Instant now = clock.instant();
      jdbc.sql(
              """
              update replication_run_disks
              set status = 'COMPLETED', change_id = :change, completed_at = :now
              where run_id = :run and disk_no = :no\
              """)
          .param("change", held.changeId().map(ChangeId::value).orElse(null))
          .param("now", UtcTime.of(now))
          .param("run", run)
          .param("no", number)
          .update();
      int known =
          jdbc.sql(
                  """
                  update replication_disks set state = 'WHOLE', change_id = :change,
                    identity = :identity, virtual_size = :size, taken_at = :taken, run_id = :run,
                    run_no = (select r.run_no from replication_runs r where r.id = :run),
                    audit_position = :position, written_by = null, changed_at = :now
                  where disk_key = :key and replication_id =
                    (select r.replication_id from replication_runs r where r.id = :run)\
                  """)
              .param("change", held.changeId().map(ChangeId::value).orElse(null))
              .param("identity", held.identity())
              .param("size", held.virtualSize())
              .param("taken", UtcTime.of(held.takenAt()))
              .param("run", run)
              .param("position", held.auditPosition())
              .param("now", UtcTime.of(now))
              .param("key", key.value())
              .update();
      if (known != 1) {
        throw new IllegalStateException(run + " disk " + key + " was completed without a begin");
      }
      return known;
    });
  }

  /**
   * Notes how much of a completed disk was read on both sides, and differed. A target that differs
   * holds nothing that a later run could stand on.
   */
  public void compared(
      String run, long leaseToken, int number, DiskKey key, long compared, long differing)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      jdbc.sql(
              """
              update replication_run_disks
              set bytes_compared = :compared, bytes_differing = :differing
              where run_id = :run and disk_no = :no\
              """)
          .param("compared", compared)
          .param("differing", differing)
          .param("run", run)
          .param("no", number)
          .update();
      if (differing > 0) {
        jdbc.sql(
                """
                update replication_disks
                set state = 'PARTIAL', change_id = null, identity = null, changed_at = :now
                where disk_key = :key and replication_id =
                  (select r.replication_id from replication_runs r where r.id = :run)\
                """)
            .param("now", UtcTime.of(clock.instant()))
            .param("key", key.value())
            .param("run", run)
            .update();
      }
      return run;
    });
  }
}
