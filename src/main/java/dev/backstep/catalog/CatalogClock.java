package dev.backstep.catalog;

import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * The clock by which leases end: one for all processes of a catalog. A server's is asked for each
 * time, so that hosts whose clocks differ agree; an embedded database has one process and takes
 * that one's.
 */
interface CatalogClock {

  Instant now();

  static CatalogClock of(DataSource dataSource, Clock embedded) {
    if (IndexOrder.isH2(dataSource)) {
      return embedded::instant;
    }
    JdbcClient jdbc = JdbcClient.create(dataSource);
    return () ->
        jdbc.sql("select utc_timestamp(3)")
            .query(LocalDateTime.class)
            .single()
            .toInstant(ZoneOffset.UTC);
  }
}
