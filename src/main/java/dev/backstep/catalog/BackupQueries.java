package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Questions about backups. Changes nothing. Safe for use by several threads. */
public final class BackupQueries {

  private static final String BACKUPS = from("backups");

  private static final String NEWEST_FIRST = " order by b.created_at desc, b.id desc";

  /** Statuses of what is, or was, a restore point. */
  private static final String SEALED = "('COMPLETED', 'DELETING', 'DELETED')";

  /** Fewer than any database's limit of parameters in one statement. */
  private static final int IDS_PER_QUERY = 500;

  private final JdbcClient jdbc;
  private final Leases leases;
  private final IndexOrder order;

  public BackupQueries(DataSource dataSource, Leases leases) {
    this.jdbc = JdbcClient.create(dataSource);
    this.order = IndexOrder.of(dataSource);
    this.leases = leases;
  }

  /**
   * @throws NoSuchElementException when there is no such backup
   */
  public BackupRow backup(BackupId id) {
    return one("b.id = :value", id.value()).orElseThrow(() -> unknown(id.value()));
  }

  /** The backup with this id, or the one that the disk backup with this id belongs to. */
  public Optional<BackupRow> find(String id) {
    return one("b.id = :value", id)
        .or(() -> one("b.id = (select d.backup_id from backup_disks d where d.id = :value)", id));
  }

  /** As {@link #find}, or the backup that the Batch execution of this number runs, or ran last. */
  public Optional<BackupRow> named(String id) {
    return id.matches("[0-9]{1,18}") ? one("b.execution_id = :value", Long.valueOf(id)) : find(id);
  }

  /**
   * @throws NoSuchElementException when the backup has no such disk
   */
  public BackupDiskRow disk(BackupId backup, int diskId) {
    return jdbc.sql("select * from backup_disks where backup_id = :backup and disk_id = :disk")
        .param("backup", backup.value())
        .param("disk", diskId)
        .query((row, index) -> BackupRows.disk(row))
        .optional()
        .orElseThrow(
            () -> new NoSuchElementException("backup " + backup + " has no disk " + diskId));
  }

  /**
   * What the disk's next overlay stands on: the newest completed disk backup in the repository. Its
   * image and its change id come from one row.
   */
  public Optional<Baseline> baseline(RepositoryId repository, VmId vm, int diskId) {
    return jdbc.sql(
            """
            select d.id, d.change_id, d.virtual_size, d.chain_length, d.audit_position, d.damaged,
              coalesce(b.snapshot_taken_at, b.created_at) as taken_at
            from backup_disks d join backups b on b.id = d.backup_id
            where d.repository_id = :repository and d.vm_id = :vm and d.disk_id = :disk
              and d.status = 'COMPLETED'
            order by d.lineage_no desc limit 1\
            """)
        .param("repository", repository.value())
        .param("vm", vm.value())
        .param("disk", diskId)
        .query((row, index) ->
            new Baseline(
                new DiskBackupId(row.getString("id")),
                Optional.ofNullable(row.getString("change_id")).map(ChangeId::new),
                row.getLong("virtual_size"),
                row.getInt("chain_length"),
                row.getLong("audit_position"),
                UtcTime.read(row, "taken_at"),
                row.getBoolean("damaged")))
        .optional();
  }

  /** Whether any disk of the VM has a completed disk backup there from another backup. */
  public boolean anyCompletedBefore(RepositoryId repository, VmId vm, BackupId excluding) {
    return jdbc.sql(
                """
                select count(*) from backup_disks
                where repository_id = :repository and vm_id = :vm and status = 'COMPLETED'
                  and backup_id <> :excluding\
                """)
            .param("repository", repository.value())
            .param("vm", vm.value())
            .param("excluding", excluding.value())
            .query(Long.class)
            .single()
        > 0;
  }

  /** Failed and stopped backups that still have a snapshot, newest first. */
  public List<BackupRow> unfinished(RepositoryId repository, VmId vm) {
    return all(
        jdbc.sql(
                BACKUPS
                    + """
                    where b.repository_id = :repository and b.vm_id = :vm
                      and b.status in ('FAILED', 'STOPPED') and b.snapshot_handle is not null
                    order by b.created_at desc, b.id desc\
                    """)
            .param("repository", repository.value())
            .param("vm", vm.value()));
  }

  /**
   * Backups with status RUNNING that this program copies, whether their owner lives or not, newest
   * first.
   */
  public List<BackupRow> running() {
    return running(Mover.INTERNAL);
  }

  /** As {@link #running()}, of those that this mover copies. */
  public List<BackupRow> running(Mover mover) {
    return all(
        jdbc.sql(
                BACKUPS
                    + """
                    where b.status = 'RUNNING' and b.mover = :mover
                    order by b.created_at desc, b.id desc\
                    """)
            .param("mover", mover.name()));
  }

  /**
   * Batch's executions that it takes for running, whether somebody runs them or not, and those
   * whose end it does not know.
   */
  public List<Long> unfinishedExecutions() {
    return jdbc.sql(
            """
            select JOB_EXECUTION_ID from BATCH_JOB_EXECUTION
            where STATUS in (%s)
            order by JOB_EXECUTION_ID\
            """
                .formatted(BatchHistory.UNFINISHED))
        .query((row, index) -> row.getLong("JOB_EXECUTION_ID"))
        .list();
  }

  /**
   * Backups that neither run nor wait while Batch takes their execution for running, or does not
   * know its end: a process died, or its database was away, between the two.
   */
  public List<BackupRow> endedButUnfinished() {
    return all(
        jdbc.sql(
            BACKUPS
                + """
                join BATCH_JOB_EXECUTION e on e.JOB_EXECUTION_ID = b.execution_id
                where e.STATUS in (%s) and b.status not in ('RUNNING', 'QUEUED')\
                """
                    .formatted(BatchHistory.UNFINISHED)));
  }

  /**
   * Whether the process that runs, or last ran, the backup has a living lease.
   *
   * @throws NoSuchElementException when there is no such backup
   */
  public boolean ownerAlive(BackupId id) {
    BackupOwner owner = BackupOwner.find(jdbc, id).orElseThrow(() -> unknown(id.value()));
    return owner.token().isPresent() && leases.alive(owner.token().getAsLong());
  }

  /**
   * Backups that do not run and whose snapshot should be gone by now: unfinished ones past its keep
   * time, and those whose restore point is sealed and whose process died before it let it go.
   */
  public List<BackupRow> snapshotsToClose(Instant now) {
    return snapshotsToClose(now, row -> false);
  }

  /**
   * As {@link #snapshotsToClose(Instant)}.
   *
   * @param dropped whether the process of a sealed backup lives and will not let its snapshot go
   */
  public List<BackupRow> snapshotsToClose(Instant now, Predicate<BackupRow> dropped) {
    String held =
        """
        (select * from backups%s
        where snapshot_keep_until > :ever and status <> 'RUNNING'
          and (status in %s or snapshot_keep_until < :now))\
        """
            .formatted(order.by("backups_by_keep"), SEALED);
    return all(
            jdbc.sql(from(held) + NEWEST_FIRST)
                .param("ever", UtcTime.of(Instant.EPOCH))
                .param("now", UtcTime.of(now)))
        .stream()
        .filter(row -> !row.wasCompleted() || !ownerAlive(row.id()) || dropped.test(row))
        .toList();
  }

  /** Sealed backups of the VM that have not yet let their snapshot go. */
  public List<BackupRow> closing(RepositoryId repository, VmId vm) {
    String held =
        """
        (select * from backups%s
        where snapshot_keep_until > :ever and vm_id = :vm and repository_id = :repository
          and status in %s)\
        """
            .formatted(order.by("backups_by_keep"), SEALED);
    return all(
        jdbc.sql(from(held) + NEWEST_FIRST)
            .param("ever", UtcTime.of(Instant.EPOCH))
            .param("vm", vm.value())
            .param("repository", repository.value()));
  }

  /** Whether another backup of the VM reads from a snapshot, or will go on with one. */
  public boolean othersHoldSnapshot(RepositoryId repository, VmId vm, BackupId excluding) {
    return !jdbc.sql(
            """
            select id from backups
            where vm_id = :vm and repository_id = :repository and id <> :excluding
              and (status = 'RUNNING'
                or status in ('QUEUED', 'FAILED', 'STOPPED') and snapshot_handle is not null)
            limit 1\
            """)
        .param("vm", vm.value())
        .param("repository", repository.value())
        .param("excluding", excluding.value())
        .query()
        .listOfRows()
        .isEmpty();
  }

  /**
   * Backups whatever their status, newest first.
   *
   * @param vmName only this VM's
   * @param limit at most so many, at least 1
   */
  public List<BackupRow> list(Optional<String> vmName, int limit) {
    return newest(vmName, Optional.empty(), limit);
  }

  /**
   * A page of backups whatever their status, newest first.
   *
   * @param vmName only this VM's
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<BackupRow> page(Optional<String> vmName, PageRequest request) {
    return Cursor.page(
        newest(vmName, Cursor.of(request), Cursor.rows(request)),
        request,
        row -> Cursor.at(row.createdAt(), row.id().value()));
  }

  private List<BackupRow> newest(Optional<String> vmName, Optional<Cursor> after, int limit) {
    String conditions =
        (vmName.isPresent() ? " and b.vm_id = (select id from vms where name = :vm)" : "")
            + (after.isPresent()
                ? " and b.created_at <= :at and (b.created_at < :at or b.id < :id)"
                : "");
    String index = vmName.isPresent() ? order.by("backups_by_vm") : "";
    String newest =
        (conditions.isEmpty() ? "" : "where " + conditions.substring(" and ".length()))
            + " "
            + order.down(vmName.isPresent() ? "b.vm_id" : "", "b.created_at, b.id");
    return all(
        jdbc.sql(
                from("(select b.* from backups b" + index + " " + newest + " limit :limit)")
                    + NEWEST_FIRST)
            .param("vm", vmName.orElse(""))
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", limit));
  }

  /** Names are looked up for rows that were found by an index, not sorted into a joined history. */
  private static String from(String backups) {
    return """
    select b.*, v.name as vm_name, r.path as repository_path
    from %s b join vms v on v.id = b.vm_id join repositories r on r.id = b.repository_id
    """
        .formatted(backups);
  }

  /**
   * The change id that a disk's next backup would ask about.
   *
   * @param repository where; in any one when empty, the newest counts
   * @return empty when the disk has no completed disk backup
   */
  public Optional<StoredChangeId> changeId(
      String vmName, int diskId, Optional<RepositoryId> repository) {
    String newest =
        repository.isPresent()
            ? "and d.repository_id = :repository order by d.lineage_no desc limit 1"
            : newestOfAnyRepository();
    return jdbc.sql(
            """
            select d.id, d.change_id from backup_disks d
            where d.vm_id = (select id from vms where name = :vm) and d.disk_id = :disk
              and d.status = 'COMPLETED'
            """
                + newest)
        .param("vm", vmName)
        .param("disk", diskId)
        .param("repository", repository.map(RepositoryId::value).orElse(""))
        .query((row, index) ->
            new StoredChangeId(
                Optional.ofNullable(row.getString("change_id")).map(ChangeId::new),
                new DiskBackupId(row.getString("id"))))
        .optional();
  }

  /** The moment is found by an index, and what ended at that moment by its number. */
  private String newestOfAnyRepository() {
    return """
    and d.completed_at = (
      select c.completed_at from backup_disks c
      where c.vm_id = (select id from vms where name = :vm) and c.disk_id = :disk
        and c.status = 'COMPLETED' %s limit 1)
    order by d.lineage_no desc limit 1\
    """
        .formatted(order.down("c.vm_id, c.disk_id", "c.completed_at"));
  }

  /** The names of all VMs known, sorted. */
  public List<String> vmNames() {
    return jdbc.sql("select name from vms order by name")
        .query((row, index) -> row.getString("name"))
        .list();
  }

  static NoSuchElementException unknown(String id) {
    return new NoSuchElementException("no backup " + id + " in the catalog");
  }

  private Optional<BackupRow> one(String where, Object value) {
    return all(jdbc.sql(BACKUPS + "where " + where).param("value", value)).stream().findFirst();
  }

  /** The backups that a statement finds, each with its disks. */
  private List<BackupRow> all(JdbcClient.StatementSpec statement) {
    List<BackupRow> bare =
        statement.query((row, index) -> BackupRows.backup(row, List.of())).list();
    List<String> ids = bare.stream().map(row -> row.id().value()).toList();
    List<BackupDiskRow> disks = new ArrayList<>();
    for (int from = 0; from < ids.size(); from += IDS_PER_QUERY) {
      disks.addAll(disks(ids.subList(from, Math.min(from + IDS_PER_QUERY, ids.size()))));
    }
    Map<BackupId, List<BackupDiskRow>> byBackup =
        disks.stream().collect(Collectors.groupingBy(BackupDiskRow::backupId));
    return bare.stream()
        .map(row -> row.withDisks(byBackup.getOrDefault(row.id(), List.of())))
        .toList();
  }

  private List<BackupDiskRow> disks(List<String> backups) {
    return jdbc.sql("select * from backup_disks where backup_id in (:backups) order by disk_id")
        .param("backups", backups)
        .query((row, index) -> BackupRows.disk(row))
        .list();
  }
}
