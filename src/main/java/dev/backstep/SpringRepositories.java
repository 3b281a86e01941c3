package dev.backstep;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.CatalogContent;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.RepositoryRow;
import dev.backstep.cli.RepositoryVerbs;
import dev.backstep.domain.RepositoryId;
import dev.backstep.job.CatalogCheck;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OrphanCollection;
import dev.backstep.job.RepositoryImport;
import dev.backstep.job.RepositoryLocks;
import dev.backstep.job.TaskRun;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.springframework.context.ApplicationContext;

/** Repositories in this process. */
final class SpringRepositories implements RepositoryVerbs {

  private final ApplicationContext context;

  SpringRepositories(ApplicationContext context) {
    this.context = context;
  }

  @Override
  public RepositoryImport.Result importRepository(Path folder) {
    try {
      return context.getBean(RepositoryImport.class).run(folder);
    } catch (IOException e) {
      throw OperatorException.failed(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public TaskRun copy(CopyRequest request) {
    return context.getBean(CopyJobs.class).copy(request);
  }

  @Override
  public Optional<String> repositoryPath(String id) {
    return repository(id).map(RepositoryRow::path);
  }

  @Override
  public RepositoryCheck.Result checkRepository(String id, RepositoryCheck.Progress progress) {
    RepositoryRow row =
        repository(id)
            .orElseThrow(() ->
                OperatorException.notFound(
                    id + ": no repository with this id is known, and there is no such folder"));
    return new CatalogCheck(context.getBean(CatalogContent.class)).run(row, progress);
  }

  @Override
  public List<OrphanCollection.Found> orphans(Path folder, Duration age, boolean collect) {
    return new OrphanCollection(
            context.getBean(BackupQueries.class), context.getBeanProvider(RepositoryLocks.class))
        .run(folder, age, collect);
  }

  private Optional<RepositoryRow> repository(String id) {
    try {
      return context.getBean(Repositories.class).row(new RepositoryId(id));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // no id at all
    }
  }
}
