package dev.backstep.testing;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import javax.sql.DataSource;

/**
 * What a catalog says of a VM's disk backups, their copies and what was restored of them, as far as
 * it is committed: over a connection of its own, which sees nothing of a transaction that is going
 * on. Copies count when no task that copies the VM is unfinished.
 */
public record CatalogWitness(DataSource database, VmId vm, String name)
    implements Supplier<List<Acknowledged.Row>> {

  @Override
  public List<Acknowledged.Row> get() {
    List<Acknowledged.Row> rows = new ArrayList<>();
    try (Connection connection = database.getConnection();
        PreparedStatement query =
            connection.prepareStatement(
                """
                select 'repository', b.id, b.status, d.id, d.disk_id, d.status
                from backups b join backup_disks d on d.backup_id = b.id
                where b.vm_id = ?
                union all
                select 'copies', c.backup_id, 'COMPLETED', d.id, d.disk_id, 'COMPLETED'
                from copies c join backup_disks d on d.backup_id = c.backup_id
                where c.vm_id = ? and not exists (select 1 from tasks t
                  where t.kind = 'COPY' and t.subject like ? and t.status <> 'COMPLETED')
                union all
                select concat('restored/disk-', r.disk_id, '.', r.target_kind), d.backup_id,
                  'COMPLETED', d.id, r.disk_id, 'COMPLETED'
                from restored_disks r
                  join backup_disks d on d.id = r.disk_backup_id
                  join backups b on b.id = d.backup_id
                  join tasks t on t.id = r.task_id
                where b.vm_id = ? and t.status = 'COMPLETED'
                order by 4\
                """)) {
      query.setString(1, vm.value());
      query.setString(2, vm.value());
      query.setString(3, name + " to %");
      query.setString(4, vm.value());
      try (ResultSet found = query.executeQuery()) {
        while (found.next()) {
          rows.add(
              new Acknowledged.Row(
                  found.getString(1),
                  vm,
                  new BackupId(found.getString(2)),
                  found.getString(3),
                  new DiskBackupId(found.getString(4)),
                  found.getInt(5),
                  found.getString(6)));
        }
      }
      return List.copyOf(rows);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
