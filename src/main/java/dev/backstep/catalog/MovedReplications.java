package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TreeSet;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Runs of replications whose bytes another program copies: it tells each disk's change id when the
 * disk's target is complete. Safe for use by several threads.
 */
public final class MovedReplications {

  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Clock clock;

  public MovedReplications(DataSource dataSource, PlatformTransactionManager manager, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.clock = clock;
  }

  /** What a change id was told for. */
  private record Told(Status status, Optional<ChangeId> changeId) {}

  /** The run that something is told of. */
  private record Job(String replication, Mover mover, Status status, long number) {}

  /**
   * Begins a run, or finds the one that this very call has begun before.
   *
   * @param job its id as the mover names it; one of ours when left out
   * @param disks what it is going to complete, at least one
   * @return its id
   * @throws ReplicationConflictException when the VM path has another run that is not at its end,
   *     this program replicates it, or the id is another run's
   */
  public String begin(String vmPath, Optional<String> job, List<DiskKey> disks) {
    ReplicationRows.register(jdbc, Replications.newId(), vmPath, Mover.EXTERNAL, clock.instant());
    try {
      return transactions.in(() -> insert(vmPath, job, disks));
    } catch (DuplicateKeyException e) {
      // The same id, of another VM path, at the same moment.
      return transactions.in(() -> insert(vmPath, job, disks));
    }
  }

  private String insert(String vmPath, Optional<String> job, List<DiskKey> disks) {
    RepositoryId replication = ReplicationRows.lock(jdbc, vmPath, Mover.EXTERNAL);
    if (job.isPresent() && exists(job.get())) {
      requireSame(job.get(), replication, disks);
      return job.get();
    }
    requireNoneRuns(replication);
    String id = job.orElseGet(this::newJob);
    jdbc.sql(
            """
            insert into replication_runs
              (id, replication_id, run_no, mover, status, created_at)
            values (:id, :replication, :no, 'EXTERNAL', 'RUNNING', :now)\
            """)
        .param("id", id)
        .param("replication", replication.value())
        .param("no", ReplicationRows.nextRunNo(jdbc, replication))
        .param("now", UtcTime.of(clock.instant()))
        .update();
    int number = 0;
    for (DiskKey key : disks) {
      jdbc.sql(
              """
              insert into replication_run_disks (run_id, disk_no, disk_key, status)
              values (:run, :no, :key, 'RUNNING')\
              """)
          .param("run", id)
          .param("no", number)
          .param("key", key.value())
          .update();
      number++;
    }
    return id;
  }

  private String newJob() {
    String name = "replication-" + STAMP.format(clock.instant());
    String id = name;
    for (int number = 2; exists(id); number++) {
      id = name + "-" + number;
    }
    return id;
  }

  private boolean exists(String id) {
    return jdbc.sql("select count(*) from replication_runs where id = :id")
            .param("id", id)
            .query(Long.class)
            .single()
        > 0;
  }

  private void requireSame(String id, RepositoryId replication, List<DiskKey> disks) {
    boolean same =
        jdbc.sql("select replication_id from replication_runs where id = :id")
            .param("id", id)
            .query(String.class)
            .single()
            .equals(replication.value());
    List<String> known =
        jdbc.sql("select disk_key from replication_run_disks where run_id = :id")
            .param("id", id)
            .query((row, index) -> row.getString("disk_key"))
            .list();
    List<String> asked = disks.stream().map(DiskKey::value).toList();
    if (!same || !new TreeSet<>(known).equals(new TreeSet<>(asked))) {
      throw new ReplicationConflictException(
          "job "
              + id
              + " is there already, with "
              + (same ? "disks " + new TreeSet<>(known) : "another vm_path")
              + "; name a new one");
    }
  }

  private void requireNoneRuns(RepositoryId replication) {
    jdbc.sql(
            """
            select id from replication_runs
            where replication_id = :replication and status = 'RUNNING'\
            """)
        .param("replication", replication.value())
        .query(String.class)
        .optional()
        .ifPresent(running -> {
          throw new ReplicationConflictException(
              "job "
                  + running
                  + " of this vm_path is not at its end; complete its disks, or abandon it");
        });
  }

  /**
   * Notes that the target of a disk holds it as of a change id. The last disk completes the run.
   * Again with the same change id it changes nothing.
   *
   * @param previous what the mover has asked the source about; empty when it does not say
   * @return whether anything was changed
   * @throws NoSuchElementException when there is no such run, or it has no such disk
   * @throws ReplicationConflictException when the disk was completed with another change id; the
   *     run is of this program, or abandoned; or the disk's known change id is not the previous one
   */
  public boolean complete(String job, DiskKey key, ChangeId changeId, Optional<ChangeId> previous) {
    return transactions.in(() -> {
      Job owner = lock(job);
      Told told =
          jdbc.sql(
                  """
                  select status, change_id from replication_run_disks
                  where run_id = :run and disk_key = :key\
                  """)
              .param("run", job)
              .param("key", key.value())
              .query((row, index) ->
                  new Told(
                      Status.valueOf(row.getString("status")),
                      Optional.ofNullable(row.getString("change_id")).map(ChangeId::new)))
              .optional()
              .orElseThrow(() ->
                  new NoSuchElementException(
                      "job " + job + " has no disk disk-" + key + "; it has " + keys(job)));
      if (told.status() == Status.COMPLETED) {
        requireEqual(job, key, told.changeId(), changeId);
        return false;
      }
      if (owner.mover() != Mover.EXTERNAL) {
        throw new ReplicationConflictException(
            "disk-" + key + " of job " + job + " is copied by this program, which tells it itself");
      }
      if (owner.status() != Status.RUNNING) {
        throw new ReplicationConflictException(
            "job " + job + " is " + owner.status() + "; begin a new one");
      }
      previous.ifPresent(asked -> requirePrevious(owner, key, asked));
      complete(job, owner, key, changeId, previous);
      return true;
    });
  }

  /** The run's replication is locked before anything of it is read. */
  private Job lock(String job) {
    String replication =
        jdbc.sql("select replication_id from replication_runs where id = :id")
            .param("id", job)
            .query(String.class)
            .optional()
            .orElseThrow(() -> new NoSuchElementException("no job " + job));
    jdbc.sql("select id from replications where id = :id for update")
        .param("id", replication)
        .query(String.class)
        .single();
    return jdbc.sql(
            """
            select u.mover, u.run_no, coalesce(t.status, u.status) as run_status
            from replication_runs u left join tasks t on t.id = u.id where u.id = :id\
            """)
        .param("id", job)
        .query((row, index) ->
            new Job(
                replication,
                Mover.valueOf(row.getString("mover")),
                Status.valueOf(row.getString("run_status")),
                row.getLong("run_no")))
        .single();
  }

  private TreeSet<String> keys(String job) {
    return new TreeSet<>(
        jdbc.sql("select disk_key from replication_run_disks where run_id = :id")
            .param("id", job)
            .query((row, index) -> "disk-" + row.getString("disk_key"))
            .list());
  }

  private static void requireEqual(
      String job, DiskKey key, Optional<ChangeId> known, ChangeId told) {
    if (!known.equals(Optional.of(told))) {
      throw new ReplicationConflictException(
          "disk-"
              + key
              + " of job "
              + job
              + " is completed with change id '"
              + known.map(ChangeId::value).orElse("")
              + "' already; begin a new job for another one");
    }
  }

  private void requirePrevious(Job owner, DiskKey key, ChangeId asked) {
    String known = changeId(owner.replication(), key);
    if (!known.equals(asked.value())) {
      throw new ReplicationConflictException(
          "disk-"
              + key
              + ": the change id known of it is '"
              + known
              + "', not '"
              + asked
              + "'; what changed since another one leaves its target wrong");
    }
  }

  private String changeId(String replication, DiskKey key) {
    return jdbc.sql(
            """
            select coalesce(change_id, '') as change_id from replication_disks
            where replication_id = :replication and disk_key = :key\
            """)
        .param("replication", replication)
        .param("key", key.value())
        .query(String.class)
        .optional()
        .orElse("");
  }

  private void complete(
      String job, Job owner, DiskKey key, ChangeId changeId, Optional<ChangeId> previous) {
    Instant now = clock.instant();
    jdbc.sql(
            """
            update replication_run_disks set status = 'COMPLETED', change_id = :change,
              previous_change_id = :previous, completed_at = :now
            where run_id = :run and disk_key = :key\
            """)
        .param("change", changeId.value())
        .param("previous", previous.map(ChangeId::value).orElse(null))
        .param("now", UtcTime.of(now))
        .param("run", job)
        .param("key", key.value())
        .update();
    String values =
        """
        state = 'WHOLE', change_id = :change, taken_at = :now, run_id = :run, run_no = :no,
          changed_at = :now\
        """;
    int known =
        held(
            "update replication_disks set "
                + values
                + " where replication_id = :replication and disk_key = :key",
            job,
            owner,
            key,
            changeId,
            now);
    if (known == 0) {
      held(
          """
          insert into replication_disks
            (replication_id, disk_key, state, change_id, taken_at, run_id, run_no, changed_at)
          values (:replication, :key, 'WHOLE', :change, :now, :run, :no, :now)\
          """,
          job,
          owner,
          key,
          changeId,
          now);
    }
    jdbc.sql(
            """
            update replication_runs set status = 'COMPLETED', completed_at = :now
            where id = :run and not exists (select 1 from replication_run_disks d
              where d.run_id = :run and d.status <> 'COMPLETED')\
            """)
        .param("now", UtcTime.of(now))
        .param("run", job)
        .update();
  }

  private int held(String sql, String job, Job owner, DiskKey key, ChangeId changeId, Instant now) {
    return jdbc.sql(sql)
        .param("replication", owner.replication())
        .param("key", key.value())
        .param("change", changeId.value())
        .param("now", UtcTime.of(now))
        .param("run", job)
        .param("no", owner.number())
        .update();
  }

  /**
   * Gives a run up: its disks that are not completed never will be.
   *
   * @throws NoSuchElementException when there is no such run
   * @throws ReplicationConflictException when it is completed, or this program's
   */
  public void abandon(String job) {
    transactions.in(() -> {
      Job owner = lock(job);
      if (owner.mover() != Mover.EXTERNAL || owner.status() == Status.COMPLETED) {
        throw new ReplicationConflictException(
            "job "
                + job
                + (owner.mover() == Mover.EXTERNAL
                    ? " is COMPLETED"
                    : " is this program's; POST /api/v1/tasks/" + job + "/stop ends it"));
      }
      jdbc.sql(
              """
              update replication_runs set status = 'ABANDONED', completed_at = :now
              where id = :run and status = 'RUNNING'\
              """)
          .param("now", UtcTime.of(clock.instant()))
          .param("run", job)
          .update();
      return jdbc.sql(
              """
              update replication_run_disks set status = 'ABANDONED'
              where run_id = :run and status <> 'COMPLETED'\
              """)
          .param("run", job)
          .update();
    });
  }
}
