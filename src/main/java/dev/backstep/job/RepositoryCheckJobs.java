package dev.backstep.job;

/** Starts checks of whole repositories; they are tasks from then on. Safe for many threads. */
public interface RepositoryCheckJobs {

  /**
   * Launches one in this process: by the repository's files and by the catalog. No data is read.
   *
   * @param repositoryId of a repository that is known
   * @throws OperatorException NOT_FOUND
   */
  TaskRun check(String repositoryId);
}
