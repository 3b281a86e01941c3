package dev.backstep.catalog;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Tells this database from every other one. Safe for use by several threads. */
public final class CatalogIdentity {

  private static final int ID_BYTES = 8;

  private final JdbcClient jdbc;

  public CatalogIdentity(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  /** Its id, random, given when it is first asked for. */
  public String id() {
    return find()
        .orElseGet(() -> {
          byte[] random = new byte[ID_BYTES];
          new SecureRandom().nextBytes(random);
          try {
            jdbc.sql("insert into catalog_identity (row_no, id) values (1, :id)")
                .param("id", HexFormat.of().formatHex(random))
                .update();
          } catch (DuplicateKeyException e) {
            // Another process was first, and its word counts.
          }
          return find().orElseThrow();
        });
  }

  private Optional<String> find() {
    return jdbc.sql("select id from catalog_identity where row_no = 1")
        .query(String.class)
        .optional();
  }
}
