package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Which VMs are known and how they stand. Changes nothing. Safe for use by several threads. */
public final class MachineQueries {

  private final JdbcClient jdbc;
  private final IndexOrder order;

  public MachineQueries(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
    this.order = IndexOrder.of(dataSource);
  }

  /** The VM with exactly this name. */
  public Optional<MachineRow> find(String name) {
    return rows("where name = :name", name, 1).stream().findFirst();
  }

  /**
   * A page of VMs by name.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<MachineRow> page(PageRequest request) {
    Optional<Cursor> after = Cursor.of(request);
    List<MachineRow> rows =
        rows(
            after.isPresent() ? "where name > :name" : "",
            after.map(Cursor::text).orElse(""),
            Cursor.rows(request));
    return Cursor.page(rows, request, row -> new Cursor(0, row.name()));
  }

  private List<MachineRow> rows(String where, String name, int limit) {
    Map<String, Map<Integer, DiskKey>> disks = new HashMap<>();
    String some = "(select * from vms " + where + " order by name limit :limit)";
    jdbc.sql(
            "select d.vm_id, d.disk_id, d.disk_key from vm_disks d join "
                + some
                + " v on v.id = d.vm_id")
        .param("name", name)
        .param("limit", limit)
        .query(row -> {
          disks
              .computeIfAbsent(row.getString("vm_id"), id -> new TreeMap<>())
              .put(row.getInt("disk_id"), new DiskKey(row.getString("disk_key")));
        });
    return jdbc.sql(
            """
            select v.id, v.name, v.created_at, b.id as backup_id, b.status, (
                select coalesce(c.snapshot_taken_at, c.created_at) from backups c
                where c.vm_id = v.id and c.status = 'COMPLETED' %s limit 1) as newest
            from %s v left join backups b on b.id = (
              select c.id from backups c where c.vm_id = v.id %s limit 1)
            order by v.name\
            """
                .formatted(
                    order.down("c.vm_id, c.status", "c.completed_at"),
                    some,
                    order.down("c.vm_id", "c.created_at, c.id")))
        .param("name", name)
        .param("limit", limit)
        .query((row, index) -> machine(row, disks))
        .list();
  }

  private static MachineRow machine(ResultSet row, Map<String, Map<Integer, DiskKey>> disks)
      throws SQLException {
    String id = row.getString("id");
    return new MachineRow(
        new VmId(id),
        row.getString("name"),
        UtcTime.read(row, "created_at"),
        disks.getOrDefault(id, Map.of()),
        UtcTime.find(row, "newest"),
        Optional.ofNullable(row.getString("backup_id")).map(BackupId::new),
        Optional.ofNullable(row.getString("status")).map(Status::valueOf));
  }
}
