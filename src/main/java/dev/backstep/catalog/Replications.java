package dev.backstep.catalog;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Runs of replications that this program does; {@link Replicas} has their disks. Each method joins
 * the surrounding transaction, else runs in one of its own. Safe for use by several threads.
 *
 * <p>Methods that take a lease token refuse it with {@link FencedException} when the run does not
 * run under it, or the lease has ended.
 */
public final class Replications {

  /**
   * A run about to begin. The VM must be registered.
   *
   * @param vmPath the source's path of the VM
   * @param verify whether source and targets are read and compared behind it
   * @param definition the job definition as text, kept as it is
   */
  public record NewRun(
      VmId vm,
      String vmPath,
      String subject,
      RequestedLevel level,
      boolean verify,
      String definition,
      long leaseToken) {}

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Tasks tasks;
  private final Leases leases;
  private final Clock clock;

  public Replications(
      DataSource dataSource,
      PlatformTransactionManager manager,
      Tasks tasks,
      Leases leases,
      Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.tasks = tasks;
    this.leases = leases;
    this.clock = clock;
  }

  /**
   * Begins a run: from here on no other one of this VM, and no backup of it, can begin. Not to be
   * called inside a transaction.
   *
   * @return its id, which is its task's
   * @throws VmBusyException when the VM has a backup that runs or waits, or is being replicated
   * @throws ReplicationConflictException when another program replicates this VM path
   */
  public String begin(NewRun run) {
    Instant now = clock.instant();
    ReplicationRows.register(jdbc, newId(), run.vmPath(), Mover.INTERNAL, now);
    return transactions.in(() -> {
      BusyVm.requireFree(jdbc, run.vm());
      RepositoryId replication = ReplicationRows.lock(jdbc, run.vmPath(), Mover.INTERNAL);
      String id = tasks.begin(TaskKind.REPLICATE, run.subject(), run.vmPath(), run.leaseToken());
      jdbc.sql(
              """
              insert into replication_runs (id, replication_id, run_no, mover, vm_id,
                requested_level, verify, definition, created_at)
              values (:id, :replication, :no, 'INTERNAL', :vm, :level, :verify, :definition, :now)\
              """)
          .param("id", id)
          .param("replication", replication.value())
          .param("no", ReplicationRows.nextRunNo(jdbc, replication))
          .param("vm", run.vm().value())
          .param("level", run.level().name())
          .param("verify", run.verify())
          .param("definition", run.definition())
          .param("now", UtcTime.of(now))
          .update();
      return id;
    });
  }

  /**
   * Of the shape of a repository's id, because marks at the source carry it in that one's place.
   */
  static RepositoryId newId() {
    return new RepositoryId("replica-" + UUID.randomUUID().toString().replace("-", ""));
  }

  /** Forgets the disks of a run, whose snapshot is lost; what its targets hold stays known. */
  public void forgetDisks(String run, long leaseToken) throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      return jdbc.sql("delete from replication_run_disks where run_id = :run")
          .param("run", run)
          .update();
    });
  }

  /**
   * Notes the snapshot that the disks are read from. Those of earlier runs are forgotten: they are
   * older than what the targets hold soon.
   *
   * @param keepUntil the snapshot of a run that did not complete may be let go from then on
   */
  public void snapshotOpened(
      String run, long leaseToken, String handle, Instant takenAt, Instant keepUntil)
      throws FencedException {
    transactions.in(() -> {
      tasks.lock(run, leaseToken);
      jdbc.sql(
              """
              update replication_runs
              set snapshot_handle = null, snapshot_keep_until = null, released_by = null
              where id <> :run and snapshot_handle is not null and replication_id =
                (select r.replication_id from
                  (select replication_id from replication_runs where id = :run) r)\
              """)
          .param("run", run)
          .update();
      return jdbc.sql(
              """
              update replication_runs set snapshot_handle = :handle, snapshot_taken_at = :taken,
                snapshot_keep_until = :keep, snapshot_no = snapshot_no + 1, released_by = null
              where id = :run\
              """)
          .param("handle", handle)
          .param("taken", UtcTime.of(takenAt))
          .param("keep", UtcTime.of(keepUntil))
          .param("run", run)
          .update();
    });
  }

  /**
   * Forgets runs that were completed, or given up, before a time, but for those that completed what
   * a target holds.
   *
   * @return how many
   */
  public int trim(Instant before) {
    List<String> runs =
        jdbc.sql(
                """
                select u.id from replication_runs u left join tasks t on t.id = u.id
                where coalesce(t.completed_at, u.completed_at) < :before
                  and coalesce(t.status, u.status) in ('COMPLETED', 'ABANDONED')
                  and not exists (select 1 from replication_disks d
                    where d.replication_id = u.replication_id and d.run_id = u.id)
                order by u.id\
                """)
            .param("before", UtcTime.of(before))
            .query((row, index) -> row.getString("id"))
            .list();
    for (String run : runs) {
      transactions.in(() -> {
        for (String table :
            List.of(
                "replication_run_disks where run_id",
                "replication_runs where id",
                "tasks where id")) {
          jdbc.sql("delete from " + table + " = :run").param("run", run).update();
        }
        return run;
      });
    }
    return runs.size();
  }

  /** Forgets the snapshot's handle; when it was taken stays known. */
  public void snapshotClosed(String run) {
    jdbc.sql(
            """
            update replication_runs set snapshot_handle = null, snapshot_keep_until = null
            where id = :run\
            """)
        .param("run", run)
        .update();
  }

  /**
   * Takes it upon this process to let the snapshot of a run go that nobody will take up again: a
   * run of the same VM path that begins, or is gone on with, meanwhile waits for that before it
   * touches the source. Not to be called inside a transaction.
   *
   * @param run as {@link ReplicationQueries#snapshotsToClose} lists it
   * @return false when a run of the VM path does its work, the snapshot is gone, or is taken up
   *     again by somebody, or another living process is at it
   */
  public boolean beginRelease(String run, long leaseToken, Instant now) {
    RepositoryId replication = ReplicationRows.ofRun(jdbc, run);
    return transactions.in(() -> {
      // Runs begin, and are gone on with, under this lock. It is taken before anything is read, for
      // MariaDB shows a transaction what was there when it read first.
      ReplicationRows.lock(jdbc, replication);
      return releasable(run, leaseToken, now)
          && jdbc.sql("update replication_runs set released_by = :token where id = :run")
                  .param("token", leaseToken)
                  .param("run", run)
                  .update()
              > 0;
    });
  }

  private boolean releasable(String run, long leaseToken, Instant now) {
    return jdbc.sql(
            """
            select u.released_by from replication_runs u join tasks t on t.id = u.id
            where u.id = :run and u.snapshot_handle is not null
              and (t.status = 'COMPLETED' or u.snapshot_keep_until < :now)
              and not exists (select 1
                from replication_runs o join tasks ot on ot.id = o.id
                where o.replication_id = u.replication_id and ot.status = 'RUNNING')\
            """)
        .param("run", run)
        .param("now", UtcTime.of(now))
        .query((row, index) -> row.getLong("released_by"))
        .optional()
        .filter(other -> other == leaseToken || !leases.alive(other))
        .isPresent();
  }

  /**
   * Ends what {@link #beginRelease} began.
   *
   * @param gone whether the source has let the snapshot go; otherwise another try may
   */
  public void endRelease(String run, long leaseToken, boolean gone) {
    jdbc.sql(
            "update replication_runs set released_by = null"
                + (gone ? ", snapshot_handle = null, snapshot_keep_until = null" : "")
                + " where id = :run and released_by = :token")
        .param("run", run)
        .param("token", leaseToken)
        .update();
  }

  /** The run of a VM path whose snapshot a living process lets go at this moment. */
  public Optional<String> released(RepositoryId replication) {
    return jdbc
        .sql(
            """
            select id, released_by from replication_runs
            where replication_id = :replication and released_by is not null\
            """)
        .param("replication", replication.value())
        .query((row, index) -> Map.entry(row.getString("id"), row.getLong("released_by")))
        .list()
        .stream()
        .filter(run -> leases.alive(run.getValue()))
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /**
   * Adds a disk: PENDING, or FAILED where nothing says where it goes.
   *
   * @param size in bytes
   */
  public void addDisk(String run, int number, DiskKey key, Optional<String> target, long size) {
    jdbc.sql(
            """
            insert into replication_run_disks
              (run_id, disk_no, disk_key, target, status, virtual_size)
            values (:run, :no, :key, :target, :status, :size)\
            """)
        .param("run", run)
        .param("no", number)
        .param("key", key.value())
        .param("target", target.orElse(null))
        .param("status", (target.isPresent() ? Status.PENDING : Status.FAILED).name())
        .param("size", size)
        .update();
  }
}
