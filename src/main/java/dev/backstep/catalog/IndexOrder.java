package dev.backstep.catalog;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.springframework.jdbc.support.JdbcUtils;
import org.springframework.jdbc.support.MetaDataAccessException;

/**
 * Orders by which a database reads an index and stops at the limit, where it would otherwise
 * collect all rows and sort them. The rows are those of one value, or one each, in the index's
 * first columns: H2 must be told these columns, MariaDB must not be.
 */
record IndexOrder(boolean naming) {

  static IndexOrder of(DataSource dataSource) {
    return new IndexOrder(isH2(dataSource));
  }

  /**
   * An ORDER BY clause, downwards.
   *
   * @param fixed columns of an equality, the first ones of the index
   * @param columns what is to be sorted by, the next ones of the index
   */
  String down(String fixed, String columns) {
    return order(fixed, columns, " desc");
  }

  /** As {@link #down}, upwards. */
  String up(String fixed, String columns) {
    return order(fixed, columns, "");
  }

  private String order(String fixed, String columns, String direction) {
    Stream<String> first = naming ? Stream.of(fixed.split(", ")) : Stream.empty();
    return Stream.concat(first, Stream.of(columns.split(", ")))
        .filter(column -> !column.isEmpty())
        .map(column -> column + direction)
        .collect(Collectors.joining(", ", "order by ", ""));
  }

  /**
   * What follows a table's name to have an index read that {@link #down} names the columns of. H2
   * takes any other one with the same first column otherwise, such as that of a foreign key.
   */
  String by(String index) {
    return naming ? " use index (" + index + ")" : "";
  }

  static boolean isH2(DataSource dataSource) {
    try {
      String product =
          JdbcUtils.extractDatabaseMetaData(
              dataSource, metaData -> metaData.getDatabaseProductName());
      return product.equals("H2");
    } catch (MetaDataAccessException e) {
      throw new IllegalStateException("cannot ask the database for its name", e);
    }
  }
}
