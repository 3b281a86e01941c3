package dev.backstep.catalog;

import java.util.List;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What a process leaves in an embedded database when it is killed while Liquibase changes it: a
 * lock that the next start would wait for, and perhaps half of a changeSet, since H2 commits each
 * DDL statement by itself. Only one process can have the file open, so a lock found in it is stale.
 */
final class InterruptedMigration {

  private static final Logger log = LoggerFactory.getLogger(InterruptedMigration.class);

  /** The last changeSet of the first release: without it no backup was ever begun. */
  private static final String FIRST_RELEASE = "backup_jobs";

  private InterruptedMigration() {}

  /** Starts anew where the tables were never complete, else only takes the lock away. */
  static void clear(DataSource embedded) {
    JdbcClient jdbc = JdbcClient.create(embedded);
    if (!has(jdbc, "DATABASECHANGELOGLOCK") || !isLocked(jdbc)) {
      return;
    }
    if (has(jdbc, "DATABASECHANGELOG") && isFirstReleaseComplete(jdbc)) {
      log.warn("an update of the database was interrupted; it goes on now");
      jdbc.sql("update DATABASECHANGELOGLOCK set LOCKED = false").update();
    } else {
      log.warn("the database was not complete when its process ended; it is made anew");
      jdbc.sql("drop all objects").update();
    }
  }

  private static boolean has(JdbcClient jdbc, String table) {
    return !jdbc.sql(
            """
            select table_name from information_schema.tables
            where table_schema = 'PUBLIC' and table_name = :table
            """)
        .param("table", table)
        .query()
        .listOfRows()
        .isEmpty();
  }

  private static boolean isLocked(JdbcClient jdbc) {
    return jdbc.sql("select LOCKED from DATABASECHANGELOGLOCK")
        .query((row, index) -> row.getBoolean("LOCKED"))
        .list()
        .equals(List.of(true));
  }

  private static boolean isFirstReleaseComplete(JdbcClient jdbc) {
    return !jdbc.sql("select ID from DATABASECHANGELOG where ID = :id")
        .param("id", FIRST_RELEASE)
        .query()
        .listOfRows()
        .isEmpty();
  }
}
