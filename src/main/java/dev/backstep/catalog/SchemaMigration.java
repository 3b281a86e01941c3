package dev.backstep.catalog;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import liquibase.Contexts;
import liquibase.LabelExpression;
import liquibase.Liquibase;
import liquibase.UpdateSummaryEnum;
import liquibase.changelog.RanChangeSet;
import liquibase.exception.DatabaseException;
import liquibase.exception.LiquibaseException;
import liquibase.integration.spring.SpringLiquibase;
import org.springframework.core.io.DefaultResourceLoader;

/**
 * Brings the tables up to date before anything else uses them, refuses those of a newer release,
 * and goes on where a process died in the middle of this.
 *
 * <p>Liquibase's own lock is a row that outlives its holder: the next start would wait for it in
 * vain. So a lock that ends with its holder stands before it, and once that is held the row is
 * nobody's. An embedded database's file lock is one; a server gets a named lock.
 */
final class SchemaMigration extends SpringLiquibase {

  private static final int OTHERS_WAIT_SECONDS = 300;

  /** One name for each database of a server; 64 characters at most, hence the digest. */
  private static final String LOCK_NAME = "concat('backstep-', md5(database()))";

  SchemaMigration(DataSource dataSource) {
    setDataSource(dataSource);
    setChangeLog("classpath:/db/changelog/db.changelog-master.yaml");
    setResourceLoader(new DefaultResourceLoader());
    setShowSummary(UpdateSummaryEnum.OFF);
    setAnalyticsEnabled(false);
  }

  /**
   * @throws NewerDatabaseException when a newer release made the tables; nothing was changed then
   */
  @Override
  public void afterPropertiesSet() throws LiquibaseException {
    try {
      super.afterPropertiesSet();
    } catch (LiquibaseException e) {
      if (e.getCause() instanceof NewerDatabaseException newer) {
        throw newer;
      }
      throw e;
    }
  }

  @Override
  protected void performUpdate(Liquibase liquibase) throws LiquibaseException {
    try (Connection holder = getDataSource().getConnection()) {
      boolean embedded = holder.getMetaData().getDatabaseProductName().equals("H2");
      if (!embedded
          && !isTrue(holder, "get_lock(" + LOCK_NAME + ", " + OTHERS_WAIT_SECONDS + ")")) {
        throw new DatabaseException(
            "another process has been changing the tables for more than "
                + OTHERS_WAIT_SECONDS
                + " s; try again when it is done");
      }
      try {
        update(liquibase);
      } finally {
        if (!embedded) {
          isTrue(holder, "release_lock(" + LOCK_NAME + ")");
        }
      }
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  private static void update(Liquibase liquibase) throws LiquibaseException {
    Contexts contexts = new Contexts();
    LabelExpression labels = new LabelExpression();
    liquibase.forceReleaseLocks();
    Collection<RanChangeSet> unknown = liquibase.listUnexpectedChangeSets(contexts, labels);
    if (!unknown.isEmpty()) {
      throw new NewerDatabaseException(
          "the database has changes that this release does not know ("
              + unknown.stream().map(RanChangeSet::getId).collect(Collectors.joining(", "))
              + "): a newer release made them; use that one, or another database");
    }
    liquibase.update(contexts, labels);
  }

  private static boolean isTrue(Connection connection, String function) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("select " + function)) {
      return row.next() && row.getBoolean(1);
    }
  }
}
