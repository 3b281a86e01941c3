package dev.backstep.job.verify;

import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.RepositoryChecks;
import dev.backstep.catalog.RepositoryRow;
import dev.backstep.domain.RepositoryId;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.RepositoryCheckJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import java.util.Optional;
import org.springframework.stereotype.Component;

/** Begins checks of repositories that the catalog knows. */
@Component
class CheckStart implements RepositoryCheckJobs {

  private final TaskJobs tasks;
  private final RepositoryChecks checks;
  private final Repositories repositories;
  private final ProcessLease lease;

  CheckStart(
      TaskJobs tasks, RepositoryChecks checks, Repositories repositories, ProcessLease lease) {
    this.tasks = tasks;
    this.checks = checks;
    this.repositories = repositories;
    this.lease = lease;
  }

  @Override
  public TaskRun check(String repositoryId) {
    RepositoryRow row =
        known(repositoryId)
            .orElseThrow(() ->
                OperatorException.notFound(
                    repositoryId
                        + ": no repository with this id is known; `backstep repository check DIR`"
                        + " checks a folder by its own files"));
    return tasks.launch(checks.begin(row.id(), row.path(), lease.token()));
  }

  private Optional<RepositoryRow> known(String id) {
    try {
      return repositories.row(new RepositoryId(id));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // no id at all
    }
  }
}
