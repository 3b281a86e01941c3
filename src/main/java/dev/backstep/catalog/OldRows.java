package dev.backstep.catalog;

import java.time.Instant;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What a table remembers for some time only, forgotten in transactions that hold up nobody. */
final class OldRows {

  private static final int ROWS_PER_DELETE = 5000;

  private OldRows() {}

  /**
   * @param time the column that tells a row's age
   * @return how many rows were older
   */
  static int delete(JdbcClient jdbc, String table, String time, Instant before) {
    String delete =
        "delete from %s where %s < :before limit %d".formatted(table, time, ROWS_PER_DELETE);
    int all = 0;
    int some = ROWS_PER_DELETE;
    while (some == ROWS_PER_DELETE) {
      some = jdbc.sql(delete).param("before", UtcTime.of(before)).update();
      all += some;
    }
    return all;
  }
}
