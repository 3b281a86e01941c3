package dev.backstep.catalog;

import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcUtils;
import org.springframework.jdbc.support.MetaDataAccessException;

/**
 * Which database it is and how new its tables are.
 *
 * @param product name and version as the database gives them
 * @param url where it is, without the password
 * @param schema the newest change of the tables that was applied
 */
public record DatabaseVersion(String product, String url, String schema) {

  /** Asks it; the tables must be there. */
  public static DatabaseVersion of(DataSource dataSource) {
    String schema =
        JdbcClient.create(dataSource)
            .sql("select id from DATABASECHANGELOG order by orderexecuted desc limit 1")
            .query(String.class)
            .single();
    try {
      return JdbcUtils.extractDatabaseMetaData(
          dataSource,
          about ->
              new DatabaseVersion(
                  about.getDatabaseProductName() + " " + about.getDatabaseProductVersion(),
                  about.getURL().replaceFirst("[?;].*", ""),
                  schema));
    } catch (MetaDataAccessException e) {
      throw new IllegalStateException("cannot ask the database for its name", e);
    }
  }
}
