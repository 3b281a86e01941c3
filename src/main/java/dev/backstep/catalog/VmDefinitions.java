package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What sources gave to rebuild VMs, kept from the snapshot of a backup until its restore point is
 * sealed: a relaunch may seal without the snapshot. Safe for use by several threads.
 */
public final class VmDefinitions {

  private final JdbcClient jdbc;

  public VmDefinitions(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  /** Keeps a text for a backup, in place of an earlier one. */
  public void keep(BackupId backup, String definition) {
    jdbc.sql("update backups set vm_definition = :definition where id = :id")
        .param("definition", definition)
        .param("id", backup.value())
        .update();
  }

  /** What was kept for a backup. */
  public Optional<String> find(BackupId backup) {
    return jdbc.sql(
            """
            select vm_definition from backups where id = :id and vm_definition is not null\
            """)
        .param("id", backup.value())
        .query(String.class)
        .optional();
  }
}
