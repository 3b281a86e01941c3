package dev.backstep.catalog;

import dev.backstep.domain.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
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
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.DefaultResourceLoader;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;

/**
 * Brings the tables up to date before anything else uses them, refuses those of a newer release,
 * and goes on where a process died in the middle of this.
 *
 * <p>Liquibase's own lock is a row that outlives its holder: the next start would wait for it in
 * vain. So a lock that ends with its holder stands before it, and once that is held the row is
 * nobody's. An embedded database's file lock is one; a server gets a named lock.
 *
 * <p>Reading the changelog costs more than most commands. So the last change carries, as
 * Liquibase's tag, the digest of the files that have been run to their end: where it is the one of
 * our own files, nothing is left to do.
 */
final class SchemaMigration extends SpringLiquibase {

  private static final int OTHERS_WAIT_SECONDS = 300;

  /** One name for each database of a server; 64 characters at most, hence the digest. */
  private static final String LOCK_NAME = "concat('backstep-', md5(database()))";

  private final String digest;

  SchemaMigration(DataSource dataSource) {
    this.digest = digest();
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
    if (isDone()) {
      return;
    }
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

  private boolean isDone() throws DatabaseException {
    try (Connection connection = getDataSource().getConnection()) {
      return digest.equals(lastTag(connection));
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  private static @Nullable String lastTag(Connection connection) {
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "select TAG from DATABASECHANGELOG order by ORDEREXECUTED desc limit 1")) {
      return row.next() ? row.getString(1) : null;
    } catch (SQLException e) {
      return null; // no such table yet; what else it may be shows when the changes are made
    }
  }

  /** Of the names and bytes of all files of the changelog. */
  private static String digest() {
    try {
      MessageDigest digest = Sha256.digest();
      Resource[] files =
          new PathMatchingResourcePatternResolver().getResources("classpath:/db/changelog/**/*.*");
      Arrays.sort(files, Comparator.comparing(file -> file.getFilename()));
      for (Resource file : files) {
        digest.update(String.valueOf(file.getFilename()).getBytes(StandardCharsets.UTF_8));
        digest.update(file.getContentAsByteArray());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void update(Liquibase liquibase) throws LiquibaseException {
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
    liquibase.tag(digest);
  }

  private static boolean isTrue(Connection connection, String function) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("select " + function)) {
      return row.next() && row.getBoolean(1);
    }
  }
}
