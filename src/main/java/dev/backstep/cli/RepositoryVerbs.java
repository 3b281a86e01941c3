package dev.backstep.cli;

import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.domain.CheckFinding;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OrphanCollection;
import dev.backstep.job.RepositoryImport;
import dev.backstep.job.TaskRun;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What commands ask of whole repositories. */
public interface RepositoryVerbs {

  /**
   * Rebuilds the catalog from a repository; see {@link RepositoryImport#run}.
   *
   * @throws OperatorException FAILED when the folder is no repository; BUSY when a server has the
   *     database
   */
  RepositoryImport.Result importRepository(Path folder);

  /**
   * Copies restore points; see {@link dev.backstep.job.CopyJobs#copy(CopyRequest)}.
   *
   * @throws OperatorException as there
   */
  TaskRun copy(CopyRequest request);

  /** The folder of the repository with this id, when it is known. */
  Optional<String> repositoryPath(String id);

  /**
   * Checks a repository by its files and by the catalog; see {@link
   * dev.backstep.job.RepositoryCheckJobs#check}.
   *
   * @param id the repository's
   * @throws OperatorException as there
   */
  TaskRun checkRepository(String id);

  /** A check of this task's id, without its findings. */
  Optional<RepositoryCheckRow> repositoryCheck(String id);

  /** What one found. */
  List<CheckFinding> checkFindings(String id);

  /**
   * Files that nothing names; see {@link OrphanCollection#run}.
   *
   * @throws OperatorException as there
   */
  List<OrphanCollection.Found> orphans(Path folder, Duration age, boolean collect);
}
