package dev.backstep.catalog;

import dev.backstep.domain.RepositoryId;
import java.time.Clock;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The repositories that backups went to. Safe for use by several threads. */
public final class Repositories {

  private final JdbcClient jdbc;
  private final Clock clock;

  public Repositories(DataSource dataSource, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /** Makes the repository known, or remembers the folder that it was moved to. */
  public void register(RepositoryId id, String path) {
    Optional<String> known = path(id);
    if (known.isEmpty()) {
      try {
        insert(id, path);
        return;
      } catch (DuplicateKeyException e) {
        // Another process was first; the update below settles the path.
        known = path(id);
      }
    }
    if (!known.equals(Optional.of(path))) {
      jdbc.sql("update repositories set path = :path where id = :id")
          .param("path", path)
          .param("id", id.value())
          .update();
    }
  }

  /** Its folder as last registered. */
  public Optional<String> path(RepositoryId id) {
    return jdbc.sql("select path from repositories where id = :id")
        .param("id", id.value())
        .query(String.class)
        .optional();
  }

  /** The repository that was registered last with this folder. */
  public Optional<RepositoryId> find(String path) {
    return jdbc.sql(
            "select id from repositories where path = :path order by created_at desc limit 1")
        .param("path", path)
        .query(String.class)
        .optional()
        .map(RepositoryId::new);
  }

  private void insert(RepositoryId id, String path) {
    jdbc.sql("insert into repositories (id, path, created_at) values (:id, :path, :now)")
        .param("id", id.value())
        .param("path", path)
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }
}
