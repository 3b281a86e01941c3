package dev.backstep.catalog;

import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Disk backups, newest first. The page is found in its one table by an index, names are looked up
 * for its rows only: a join that is sorted afterwards would read the whole history.
 */
final class DiskRunQueries {

  private static final String COMPLETED = "d.status = 'COMPLETED' and d.completed_at >= :since";

  private final JdbcClient jdbc;
  private final IndexOrder order;

  DiskRunQueries(JdbcClient jdbc, IndexOrder order) {
    this.jdbc = jdbc;
    this.order = order;
  }

  Page<DiskRun> completed(
      Optional<String> vmName, OptionalInt diskId, Instant since, PageRequest request) {
    String fixed = vmName.isEmpty() ? "" : diskId.isEmpty() ? "d.vm_id" : "d.vm_id, d.disk_id";
    return page(COMPLETED, fixed, vmName, diskId, since, request);
  }

  Page<DiskRun> fulls(
      Optional<String> vmName, Optional<Reason> reason, Instant since, PageRequest request) {
    String where =
        COMPLETED
            + " and d.level = 'full'"
            + reason.map(wanted -> " and d.reason = '" + wanted.name() + "'").orElse("");
    String fixed = vmName.isPresent() ? "d.vm_id, d.level" : "d.level";
    return page(where, fixed, vmName, OptionalInt.empty(), since, request);
  }

  /** Those of a few backups, by backup and disk. */
  List<DiskRun> of(List<String> backups) {
    return jdbc.sql(
            """
            select d.*, v.name as vm_name, r.path as repository_path
            from backup_disks d join vms v on v.id = d.vm_id
              join repositories r on r.id = d.repository_id
            where d.backup_id in (:backups) order by d.backup_id, d.disk_id\
            """)
        .param("backups", backups)
        .query((row, index) -> diskRun(row))
        .list();
  }

  private Page<DiskRun> page(
      String where,
      String fixed,
      Optional<String> vmName,
      OptionalInt diskId,
      Instant since,
      PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    String conditions =
        where
            + (vmName.isPresent() ? " and d.vm_id = (select id from vms where name = :vm)" : "")
            + (diskId.isPresent() ? " and d.disk_id = :disk" : "")
            + (after.isPresent()
                ? " and d.completed_at <= :at and (d.completed_at < :at or d.id < :id)"
                : "");
    List<DiskRun> rows =
        jdbc.sql(
                """
                select d.*, v.name as vm_name, r.path as repository_path
                from (select d.* from backup_disks d where %s
                  %s limit :limit) d
                join vms v on v.id = d.vm_id join repositories r on r.id = d.repository_id
                order by d.completed_at desc, d.id desc\
                """
                    .formatted(conditions, order.down(fixed, "d.completed_at, d.id")))
            .param("vm", vmName.orElse(""))
            .param("disk", diskId.orElse(0))
            .param("since", UtcTime.of(since))
            .param("at", after.map(Cursor::time).map(UtcTime::of).orElse(null))
            .param("id", after.map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> diskRun(row))
            .list();
    return Cursor.page(
        rows,
        request,
        run -> Cursor.at(run.disk().completedAt().orElseThrow(), run.disk().id().value()));
  }

  private static DiskRun diskRun(ResultSet row) throws SQLException {
    return new DiskRun(
        new VmId(row.getString("vm_id")),
        row.getString("vm_name"),
        new RepositoryId(row.getString("repository_id")),
        row.getString("repository_path"),
        BackupRows.disk(row),
        UtcTime.find(row, "resumed_at"),
        row.getLong("bytes_before"));
  }
}
