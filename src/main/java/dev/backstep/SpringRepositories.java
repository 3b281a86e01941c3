package dev.backstep;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.catalog.RepositoryChecks;
import dev.backstep.catalog.RepositoryRow;
import dev.backstep.cli.RepositoryVerbs;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.RepositoryId;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OrphanCollection;
import dev.backstep.job.RepositoryCheckJobs;
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
  public TaskRun checkRepository(String id) {
    return context.getBean(RepositoryCheckJobs.class).check(id);
  }

  @Override
  public Optional<RepositoryCheckRow> repositoryCheck(String id) {
    return context.getBean(RepositoryChecks.class).find(id);
  }

  @Override
  public List<CheckFinding> checkFindings(String id) {
    RepositoryChecks checks = context.getBean(RepositoryChecks.class);
    return Page.rows(Integer.MAX_VALUE, request -> checks.findings(id, request)).stream()
        .map(RepositoryChecks.Numbered::finding)
        .toList();
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
