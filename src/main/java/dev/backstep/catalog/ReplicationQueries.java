package dev.backstep.catalog;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Questions about replications. Changes nothing. Safe for use by several threads. */
public final class ReplicationQueries {

  private static final String REPLICAS =
      """
      select d.*, r.vm_path, r.mover
      from replication_disks d join replications r on r.id = d.replication_id
      """;

  /** Not joined with the few replications: MariaDB would begin with them, and sort all runs. */
  private static final String RUNS =
      """
      select u.*, coalesce(t.status, u.status) as run_status,
        coalesce(t.completed_at, u.completed_at) as ended_at,
        (select r.vm_path from replications r where r.id = u.replication_id) as vm_path
      from replication_runs u left join tasks t on t.id = u.id
      """;

  private static final String OF_PATH =
      "and u.replication_id = (select r.id from replications r where r.vm_path = :path)\n";

  private final JdbcClient jdbc;
  private final TaskQueries tasks;

  public ReplicationQueries(DataSource dataSource, TaskQueries tasks) {
    this.jdbc = JdbcClient.create(dataSource);
    this.tasks = tasks;
  }

  /** What the target of one disk holds; empty when no run has ever begun to write it. */
  public Optional<ReplicaDisk> replica(String vmPath, DiskKey key) {
    return jdbc.sql(REPLICAS + "where r.vm_path = :path and d.disk_key = :key")
        .param("path", vmPath)
        .param("key", key.value())
        .query((row, index) -> ReplicationRows.replica(row))
        .optional();
  }

  /** What the targets of a VM path hold, by disk key. */
  public List<ReplicaDisk> replicas(String vmPath) {
    return jdbc.sql(REPLICAS + "where r.vm_path = :path order by d.disk_key")
        .param("path", vmPath)
        .query((row, index) -> ReplicationRows.replica(row))
        .list();
  }

  /**
   * A page of what targets hold, by VM path and disk key.
   *
   * @param vmPath of this VM path only, when given
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<ReplicaDisk> replicas(Optional<String> vmPath, PageRequest request) {
    Optional<Place> after = Cursor.of(request).map(Place::of);
    List<ReplicaDisk> rows =
        jdbc.sql(
                REPLICAS
                    + (after.isPresent()
                        ? "where r.vm_path >= :at and (r.vm_path > :at or d.disk_key > :key)\n"
                        : "where 1 = 1\n")
                    + (vmPath.isPresent() ? "and r.vm_path = :path\n" : "")
                    + "order by r.vm_path, d.disk_key limit :limit")
            .param("at", after.map(Place::vmPath).orElse(""))
            .param("key", after.map(Place::diskKey).orElse(""))
            .param("path", vmPath.orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> ReplicationRows.replica(row))
            .list();
    return Cursor.page(
        rows, request, row -> new Place(row.vmPath(), row.diskKey().value()).cursor());
  }

  /** A target's place among all of them; its cursor has both texts and where the second begins. */
  private record Place(String vmPath, String diskKey) {

    static Place of(Cursor cursor) {
      String text = cursor.text();
      if (cursor.number() < 0 || cursor.number() > text.length()) {
        throw Cursor.unknown(text, null);
      }
      int key = (int) cursor.number();
      return new Place(text.substring(0, key), text.substring(key));
    }

    Cursor cursor() {
      return new Cursor(vmPath.length(), vmPath + diskKey);
    }
  }

  /** A run, of this program or another one. */
  public Optional<ReplicationRun> run(String id) {
    return jdbc.sql(RUNS + "where u.id = :id")
        .param("id", id)
        .query((row, index) -> run(row))
        .optional()
        .map(this::withDisks);
  }

  /**
   * Runs, newest first.
   *
   * @param vmPath of this VM path only, when given
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<ReplicationRun> page(Optional<String> vmPath, PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<ReplicationRun> rows =
        jdbc.sql(
                RUNS
                    + (after.isPresent()
                        ? "where u.created_at <= :at and (u.created_at < :at or u.id < :id)\n"
                        : "where 1 = 1\n")
                    + (vmPath.isPresent() ? OF_PATH : "")
                    + "order by u.created_at desc, u.id desc limit :limit")
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("path", vmPath.orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> run(row))
            .list();
    Page<ReplicationRun> page =
        Cursor.page(rows, request, row -> Cursor.at(row.createdAt(), row.id()));
    return new Page<>(page.items().stream().map(this::withDisks).toList(), page.next());
  }

  /**
   * Runs that do not run and hold a snapshot that nobody will take up again: completed ones, and
   * those past their keep time; none as long as another run of the same VM path is doing its work.
   */
  public List<ReplicationRun> snapshotsToClose(Instant now) {
    return jdbc
        .sql(
            RUNS
                + """
                where u.snapshot_keep_until is not null and u.snapshot_handle is not null
                  and (t.status = 'COMPLETED'
                    or (t.status <> 'RUNNING' and u.snapshot_keep_until < :now))
                  and not exists (select 1
                    from replication_runs o join tasks ot on ot.id = o.id
                    where o.replication_id = u.replication_id and ot.status = 'RUNNING')\
                """)
        .param("now", UtcTime.of(now))
        .query((row, index) -> run(row))
        .list()
        .stream()
        .map(this::withDisks)
        .toList();
  }

  private static ReplicationRun run(ResultSet row) throws SQLException {
    String definition = row.getString("definition");
    return new ReplicationRun(
        row.getString("id"),
        new RepositoryId(row.getString("replication_id")),
        row.getString("vm_path"),
        Mover.valueOf(row.getString("mover")),
        Status.valueOf(row.getString("run_status")),
        Optional.ofNullable(row.getString("vm_id")).map(VmId::new),
        Optional.ofNullable(row.getString("requested_level"))
            .map(RequestedLevel::valueOf)
            .orElse(RequestedLevel.AUTO),
        row.getBoolean("verify"),
        definition == null ? "" : definition,
        UtcTime.read(row, "created_at"),
        UtcTime.find(row, "ended_at"),
        Optional.ofNullable(row.getString("snapshot_handle")),
        UtcTime.find(row, "snapshot_taken_at"),
        UtcTime.find(row, "snapshot_keep_until"),
        row.getInt("snapshot_no"),
        Optional.empty(),
        List.of());
  }

  private ReplicationRun withDisks(ReplicationRun run) {
    List<ReplicationRunDisk> disks =
        jdbc.sql("select * from replication_run_disks where run_id = :run order by disk_no")
            .param("run", run.id())
            .query((row, index) -> ReplicationRows.disk(row))
            .list();
    Optional<TaskRow> task =
        run.mover() == Mover.INTERNAL ? tasks.find(run.id()) : Optional.empty();
    return new ReplicationRun(
        run.id(),
        run.replication(),
        run.vmPath(),
        run.mover(),
        run.status(),
        run.vm(),
        run.level(),
        run.verify(),
        run.definition(),
        run.createdAt(),
        run.completedAt(),
        run.snapshotHandle(),
        run.snapshotTakenAt(),
        run.snapshotKeepUntil(),
        run.snapshotNo(),
        task,
        disks);
  }
}
