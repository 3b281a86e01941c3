package dev.backstep.catalog;

import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.TaskKind;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Checks of whole repositories and what they found. Each method joins the surrounding transaction,
 * else runs in one of its own. Safe for use by several threads.
 */
public final class RepositoryChecks {

  private static final int CHARS_MAX = 2000;

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Tasks tasks;

  public RepositoryChecks(DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.tasks = tasks;
  }

  /** A finding with its place in the list. */
  public record Numbered(int number, CheckFinding finding) {}

  /**
   * Notes a check that runs.
   *
   * @param path the repository's folder
   * @return the task's id
   */
  public String begin(RepositoryId repository, String path, long leaseToken) {
    return transactions.in(() -> {
      String id = tasks.begin(TaskKind.CHECK, path, path, leaseToken);
      jdbc.sql(
              """
              insert into repository_checks (task_id, repository_id, restore_points, images,
                findings, problems)
              values (:id, :repository, 0, 0, 0, 0)\
              """)
          .param("id", id)
          .param("repository", repository.value())
          .update();
      return id;
    });
  }

  /** Adds to what was found, in one transaction. */
  public void found(String id, List<CheckFinding> findings) {
    if (findings.isEmpty()) {
      return;
    }
    transactions.in(() -> {
      int number =
          jdbc.sql("select findings from repository_checks where task_id = :id for update")
              .param("id", id)
              .query(Integer.class)
              .single();
      for (CheckFinding finding : findings) {
        number++;
        add(id, number, finding);
      }
      return jdbc.sql(
              """
              update repository_checks set findings = :findings, problems = problems + :problems
              where task_id = :id\
              """)
          .param("findings", number)
          .param("problems", findings.stream().filter(CheckFinding::isProblem).count())
          .param("id", id)
          .update();
    });
  }

  private void add(String id, int number, CheckFinding finding) {
    jdbc.sql(
            """
            insert into repository_check_findings
              (task_id, finding_no, kind, subject, found, bytes, modified_at)
            values (:id, :number, :kind, :subject, :found, :bytes, :modified)\
            """)
        .param("id", id)
        .param("number", number)
        .param("kind", finding.kind().name())
        .param("subject", cut(finding.subject()))
        .param("found", cut(finding.text()))
        .param("bytes", finding.bytes())
        .param("modified", finding.modifiedAt().map(UtcTime::of).orElse(null))
        .update();
  }

  private static String cut(String text) {
    return text.length() <= CHARS_MAX ? text : text.substring(0, CHARS_MAX) + "…";
  }

  /** Notes what the repository holds. */
  public void counted(String id, int restorePoints, int images) {
    jdbc.sql(
            """
            update repository_checks set restore_points = :points, images = :images
            where task_id = :id\
            """)
        .param("points", restorePoints)
        .param("images", images)
        .param("id", id)
        .update();
  }

  public Optional<RepositoryCheckRow> find(String id) {
    return jdbc.sql(
            """
            select t.*, c.repository_id, c.restore_points, c.images, c.problems
            from repository_checks c join tasks t on t.id = c.task_id where c.task_id = :id\
            """)
        .param("id", id)
        .query((row, index) ->
            new RepositoryCheckRow(
                TaskQueries.row(row),
                new RepositoryId(row.getString("repository_id")),
                row.getInt("restore_points"),
                row.getInt("images"),
                row.getInt("problems")))
        .optional();
  }

  /**
   * What was found, in the order of finding.
   *
   * @throws IllegalArgumentException when the place is none that a page has given
   */
  public Page<Numbered> findings(String id, PageRequest request) {
    List<Numbered> rows =
        jdbc.sql(
                """
                select * from repository_check_findings
                where task_id = :id and finding_no > :after order by finding_no limit :limit\
                """)
            .param("id", id)
            .param("after", Cursor.of(request).map(Cursor::number).orElse(0L))
            .param("limit", Cursor.rows(request))
            .query((row, index) -> finding(row))
            .list();
    return Cursor.page(rows, request, row -> new Cursor(row.number(), ""));
  }

  private static Numbered finding(ResultSet row) throws SQLException {
    return new Numbered(
        row.getInt("finding_no"),
        new CheckFinding(
            CheckFinding.Kind.valueOf(row.getString("kind")),
            row.getString("subject"),
            Optional.ofNullable(row.getString("found")).orElse(""),
            row.getLong("bytes"),
            UtcTime.find(row, "modified_at")));
  }
}
