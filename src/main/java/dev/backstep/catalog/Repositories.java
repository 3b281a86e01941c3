package dev.backstep.catalog;

import dev.backstep.domain.RepositoryId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.List;
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

  /** One repository. */
  public Optional<RepositoryRow> row(RepositoryId id) {
    return jdbc.sql("select * from repositories where id = :id")
        .param("id", id.value())
        .query((row, index) -> repository(row))
        .optional();
  }

  /**
   * A page of repositories by id.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<RepositoryRow> page(PageRequest request) {
    List<RepositoryRow> rows =
        jdbc.sql("select * from repositories where id > :after order by id limit :limit")
            .param("after", Cursor.of(request).map(Cursor::text).orElse(""))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> repository(row))
            .list();
    return Cursor.page(rows, request, row -> new Cursor(0, row.id().value()));
  }

  private static RepositoryRow repository(ResultSet row) throws SQLException {
    return new RepositoryRow(
        new RepositoryId(row.getString("id")),
        row.getString("path"),
        UtcTime.read(row, "created_at"));
  }

  private void insert(RepositoryId id, String path) {
    jdbc.sql("insert into repositories (id, path, created_at) values (:id, :path, :now)")
        .param("id", id.value())
        .param("path", path)
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }
}
