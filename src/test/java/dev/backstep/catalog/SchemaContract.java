package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.logging.Level;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** How the tables come into being, whatever happens meanwhile. */
abstract class SchemaContract {

  @TempDir Path home;

  /** Where a new, empty database is. */
  abstract DatabaseSettings newDatabase(Path home);

  /** Processes die right behind statements that make something; the next one goes on. */
  @Test
  void tablesAreCompleteHoweverOftenAProcessDiesMakingThem() throws Exception {
    DataSource dataSource = dataSource(newDatabase(home.resolve("mortal")));
    MortalDataSource mortal = new MortalDataSource(dataSource);
    int deaths = 0;
    while (diesMigrating(mortal)) {
      deaths++;
    }
    DataSource reference = dataSource(newDatabase(home.resolve("reference")));
    TestCatalog.migrate(reference);

    assertThat(deaths).isGreaterThan(15);
    assertThat(structure(dataSource)).hasSizeGreaterThan(200).isEqualTo(structure(reference));
  }

  @Test
  void refusesTablesOfANewerRelease() throws Exception {
    DataSource dataSource = dataSource(newDatabase(home));
    TestCatalog.migrate(dataSource);
    JdbcClient.create(dataSource)
        .sql(
            """
            insert into DATABASECHANGELOG
              (ID, AUTHOR, FILENAME, DATEEXECUTED, ORDEREXECUTED, EXECTYPE)
            values ('of-tomorrow', 'backstep', 'future.yaml', current_timestamp, 999, 'EXECUTED')\
            """)
        .update();

    assertThatThrownBy(() -> TestCatalog.migrate(dataSource))
        .isInstanceOf(NewerDatabaseException.class)
        .hasMessageContaining("(of-tomorrow)")
        .hasMessageContaining("newer release");
  }

  @Test
  void readsNoChangelogWhereItsLastChangeIsOurs() throws Exception {
    DataSource dataSource = dataSource(newDatabase(home));
    TestCatalog.migrate(dataSource);
    JdbcClient jdbc = JdbcClient.create(dataSource);
    jdbc.sql("delete from DATABASECHANGELOG where ID = 'cbt_audit_ranges'").update();

    TestCatalog.migrate(dataSource);

    assertThat(changes(jdbc, "ID = 'cbt_audit_ranges'")).as("changes that were run again").isZero();

    jdbc.sql("update DATABASECHANGELOG set TAG = 'of other files' where TAG is not null").update();
    TestCatalog.migrate(dataSource);

    assertThat(changes(jdbc, "ID = 'cbt_audit_ranges'")).isOne();
  }

  private static long changes(JdbcClient jdbc, String condition) {
    return jdbc.sql("select count(*) from DATABASECHANGELOG where " + condition)
        .query(Long.class)
        .single();
  }

  private static boolean diesMigrating(MortalDataSource mortal) {
    mortal.revive();
    try {
      TestCatalog.migrate(mortal, Level.OFF);
    } catch (Exception e) {
      if (!mortal.isDead()) {
        throw new AssertionError(e);
      }
    }
    return mortal.isDead();
  }

  static DataSource dataSource(DatabaseSettings settings) {
    return new DriverManagerDataSource(settings.url(), settings.user(), settings.password());
  }

  /** Columns, indexes and constraints, without the names that a database makes up. */
  static SortedSet<String> structure(DataSource dataSource) throws SQLException {
    SortedSet<String> structure = new TreeSet<>();
    try (Connection connection = dataSource.getConnection()) {
      List<String> tables = new ArrayList<>();
      String catalog = connection.getCatalog();
      String schema = connection.getSchema();
      try (ResultSet row = connection.getMetaData().getColumns(catalog, schema, "%", "%")) {
        while (row.next()) {
          String table = row.getString("TABLE_NAME");
          tables.add(table);
          structure.add(
              "column "
                  + String.join(
                      " ",
                      table,
                      row.getString("COLUMN_NAME"),
                      row.getString("TYPE_NAME"),
                      row.getString("COLUMN_SIZE"),
                      row.getString("IS_NULLABLE")));
        }
      }
      for (String table : new TreeSet<>(tables)) {
        try (ResultSet row =
            connection.getMetaData().getIndexInfo(catalog, schema, table, false, true)) {
          while (row.next()) {
            structure.add(
                "index "
                    + String.join(
                        " ",
                        table,
                        row.getString("NON_UNIQUE"),
                        row.getString("ORDINAL_POSITION"),
                        row.getString("COLUMN_NAME")));
          }
        }
      }
    }
    structure.addAll(
        JdbcClient.create(dataSource)
            .sql(
                """
                select concat('constraint ', table_name, ' ', constraint_type, ' ', count(*))
                from information_schema.table_constraints where table_schema = schema()
                group by table_name, constraint_type\
                """)
            .query(String.class)
            .list());
    structure.removeIf(line -> line.toUpperCase(Locale.ROOT).contains(" DATABASECHANGELOG"));
    return structure;
  }
}
