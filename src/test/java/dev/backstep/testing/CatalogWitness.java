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
 * What a catalog says of a VM's disk backups, as far as it is committed: over a connection of its
 * own, which sees nothing of a transaction that is going on.
 */
public record CatalogWitness(DataSource database, VmId vm)
    implements Supplier<List<Acknowledged.Row>> {

  @Override
  public List<Acknowledged.Row> get() {
    List<Acknowledged.Row> rows = new ArrayList<>();
    try (Connection connection = database.getConnection();
        PreparedStatement query =
            connection.prepareStatement(
                """
                select b.id, b.status, d.id, d.disk_id, d.status
                from backups b join backup_disks d on d.backup_id = b.id
                where b.vm_id = ? order by d.id\
                """)) {
      query.setString(1, vm.value());
      try (ResultSet found = query.executeQuery()) {
        while (found.next()) {
          rows.add(
              new Acknowledged.Row(
                  vm,
                  new BackupId(found.getString(1)),
                  found.getString(2),
                  new DiskBackupId(found.getString(3)),
                  found.getInt(4),
                  found.getString(5)));
        }
      }
      return List.copyOf(rows);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
