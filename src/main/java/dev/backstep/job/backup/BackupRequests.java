package dev.backstep.job.backup;

import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Origin;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.Failures;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Refusals;
import dev.backstep.job.Registration;
import dev.backstep.job.Sources;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.util.Optional;
import org.springframework.stereotype.Component;

/** From a job definition, or a backup that is not done, to one in the queue. Thread-safe. */
@Component
class BackupRequests {

  private final BackupQueue queue;
  private final Machines machines;
  private final Repositories repositories;
  private final Sources sources;
  private final Registration registration;

  BackupRequests(
      BackupQueue queue,
      Machines machines,
      Repositories repositories,
      Sources sources,
      Registration registration) {
    this.queue = queue;
    this.machines = machines;
    this.repositories = repositories;
    this.sources = sources;
    this.registration = registration;
  }

  /** See {@link dev.backstep.job.BackupJobs#enqueue}. */
  BackupId enqueue(JobDefinition definition, RequestedLevel level, Launch launch) {
    try {
      RepositoryId repository =
          launch.origin() == Origin.SCHEDULE ? registeredOnce(definition) : registerAll(definition);
      return queue.add(
          new BackupQueue.Request(
              definition.vmId(),
              repository,
              level,
              JobDefinitions.write(definition),
              launch.sourceHost().isPresent()
                  ? launch
                  : launch.at(SourceHost.of(definition.source())),
              retries(definition)));
    } catch (VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  /** See {@link dev.backstep.job.BackupJobs#requeue}. */
  void again(BackupRow row, String caller) {
    try {
      JobDefinition definition = JobDefinitions.read(row.definition());
      registration.reopen(row, definition);
      sources.open(definition.source());
      if (!queue.addAgain(row.id(), caller, SourceHost.of(definition.source()))) {
        throw OperatorException.busy(row.id() + ": was relaunched or abandoned meanwhile", null);
      }
    } catch (VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  private static Continuations.Retries retries(JobDefinition definition) {
    return definition
        .schedule()
        .map(schedule -> new Continuations.Retries(schedule.retries(), schedule.retryPause()))
        .orElse(Continuations.Retries.NONE);
  }

  /** Without a look at the source and, but for the first time, at the repository. */
  private RepositoryId registeredOnce(JobDefinition definition) throws IOException {
    Optional<RepositoryId> known = repositories.find(definition.repository());
    if (known.isEmpty()) {
      return registerAll(definition);
    }
    machines.register(definition.vmId(), definition.vmName());
    return known.get();
  }

  private RepositoryId registerAll(JobDefinition definition) throws IOException {
    Repository repository = registration.register(definition);
    sources.open(definition.source());
    return repository.id();
  }
}
