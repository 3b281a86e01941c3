package dev.backstep.job;

import dev.backstep.blockio.ImmutableFlag;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Repositories;
import dev.backstep.domain.JobDefinition;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import org.springframework.stereotype.Component;

/** Makes known to the catalog what a job definition names. Thread-safe. */
@Component
public class Registration {

  private final Repositories repositories;
  private final Machines machines;
  private final RepositoryLocks locks;

  Registration(Repositories repositories, Machines machines, RepositoryLocks locks) {
    this.locks = locks;
    this.repositories = repositories;
    this.machines = machines;
  }

  /**
   * Makes the repository where it is not there yet, and it and the VM known.
   *
   * @throws dev.backstep.repository.RepositoryException when it cannot take a backup
   */
  public Repository register(JobDefinition definition) throws IOException {
    Repository repository = Repository.openOrCreate(Path.of(definition.repository()));
    repository.checkWritable();
    locks.take(repository);
    repository.admit(definition.checksum());
    if (definition.immutable().isPresent()) {
      requireFlag(repository);
    }
    repositories.register(repository.id(), repository.root().toString());
    machines.register(definition.vmId(), definition.vmName());
    return repository;
  }

  /**
   * Opens the repository that a backup was begun in, to go on with it.
   *
   * @throws IOException when it cannot take a backup, or another one is in its place
   */
  public Repository reopen(BackupRow row, JobDefinition definition) throws IOException {
    Repository repository =
        Repository.open(
            Path.of(definition.repository()),
            row.repositoryId(),
            "in which " + row.id() + " was begun");
    repository.checkWritable();
    locks.take(repository);
    repository.admit(definition.checksum());
    return repository;
  }

  /** Who asked for protection must not believe in one that is not there. */
  private static void requireFlag(Repository repository) throws IOException {
    try {
      ImmutableFlag.probe(repository.root());
    } catch (IOException e) {
      throw new IOException(
          "'immutable' is asked for and cannot be had: "
              + e.getMessage()
              + "; leave it out, or change that",
          e);
    }
  }
}
