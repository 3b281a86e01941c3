package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RunSettings;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.TaskRun;
import dev.backstep.job.Verification;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What commands ask of the program behind the command line. Starting one takes seconds, so only the
 * commands that need it do. Safe for use by two threads: a command's and the one that stops it.
 */
public interface Engine extends AutoCloseable {

  /** Starts one. */
  @FunctionalInterface
  interface Starter {
    /**
     * @param home the folder of this installation's state; made when absent
     * @param runsJobs whether it will be asked for more than questions
     */
    Engine start(Path home, boolean runsJobs, boolean verbose);
  }

  /**
   * Starts a backup; see {@link dev.backstep.job.BackupJobs#launch}.
   *
   * @throws OperatorException as there
   */
  BackupRun launch(JobDefinition definition, RequestedLevel level);

  /**
   * Goes on with a backup; see {@link dev.backstep.job.BackupJobs#relaunch}.
   *
   * @throws OperatorException as there
   */
  BackupRun relaunch(String id);

  /**
   * Asks a backup to stop; see {@link dev.backstep.job.BackupJobs#stop}.
   *
   * @throws OperatorException as there
   */
  void stop(String id);

  /**
   * Gives a backup up; see {@link dev.backstep.job.BackupJobs#abandon}.
   *
   * @throws OperatorException as there
   */
  void abandon(String id);

  /**
   * Makes a backup relaunchable; see {@link dev.backstep.job.BackupJobs#recover}.
   *
   * @throws OperatorException as there
   */
  void recover(String id, boolean force);

  /**
   * Deletes a restore point; see {@link dev.backstep.job.RestorePointRemoval#delete}.
   *
   * @throws OperatorException as there
   */
  void delete(String id);

  /**
   * Checks images; see {@link dev.backstep.job.VerifyJobs#verify}.
   *
   * @throws OperatorException as there
   */
  TaskRun verify(Optional<BackupId> backup, boolean whole);

  /**
   * Boots a restore point; see {@link dev.backstep.job.RestoreTestJobs#boot}.
   *
   * @throws OperatorException as there
   */
  TaskRun boot(String id, BootSettings settings);

  /**
   * Runs a command on a restore point's files; see {@link dev.backstep.job.RestoreTestJobs#run}.
   *
   * @throws OperatorException as there
   */
  TaskRun run(String id, RunSettings settings);

  /** A restore test with its verdict. */
  Optional<RestoreTestRow> restoreTest(String id);

  /**
   * Restores disks; see {@link dev.backstep.job.RestoreJobs#restore}.
   *
   * @throws OperatorException as there
   */
  TaskRun restore(RestoreRequest request);

  /**
   * Replicates a VM; see {@link dev.backstep.job.ReplicationJobs#replicate}.
   *
   * @throws OperatorException as there
   */
  TaskRun replicate(JobDefinition definition, RequestedLevel level, boolean verify);

  /**
   * A run of a replication, as {@link dev.backstep.job.ReplicationDocument} has it.
   *
   * @throws OperatorException NOT_FOUND
   */
  Map<String, @Nullable Object> replication(String id);

  /** What targets hold, as that document has it; those of one VM path only when given. */
  List<Map<String, @Nullable Object>> replicas(Optional<String> vmPath);

  /** The disks of a restore. */
  List<RestoredDisk> restoredDisks(String id);

  /** The newest restore that was begun since onto what this one writes to. */
  Optional<String> supersededBy(String restore);

  /**
   * Goes on with a task; see {@link dev.backstep.job.TaskJobs#relaunch}.
   *
   * @throws OperatorException as there
   */
  TaskRun relaunchTask(String id);

  /**
   * Asks a task to stop; see {@link dev.backstep.job.TaskJobs#stop}.
   *
   * @throws OperatorException as there
   */
  void stopTask(String id);

  /** The task with this id. */
  Optional<TaskRow> task(String id);

  /** Tasks, newest first; of one kind, or with one status, only when given. */
  List<JudgedTask> tasks(Optional<TaskKind> kind, Optional<Status> status, int limit);

  /** Of retention. */
  RetentionVerbs retention();

  /** Of repositories. */
  RepositoryVerbs repositories();

  /** A verification with what it found. */
  Optional<Verification> verification(String id);

  /** The backup with this id, or that a disk backup of this id or an execution belongs to. */
  Optional<BackupRow> find(String id);

  /** Backups whatever their status, newest first. */
  List<BackupRow> list(Optional<String> vmName, int limit);

  /** Whether the process that runs the backup gives signs of life. */
  boolean ownerAlive(BackupRow backup);

  /** What the disk's next backup would ask about. */
  Optional<StoredChangeId> changeId(String vmName, int diskId);

  /**
   * One page of a report; see {@link dev.backstep.job.AdminReports#page}.
   *
   * @throws OperatorException as there
   */
  Page<Map<String, @Nullable Object>> report(
      AdminReport report, AdminFilter filter, PageRequest request);

  /**
   * Puts on record that a command begins to change something; one that has a server do it leaves
   * that to the server.
   *
   * @param action the command
   * @return takes the HTTP status that a server would give what became of it
   */
  IntConsumer record(String action);

  /** One line: which database it is, where, and how new its tables are. */
  String database();

  /** The names of all VMs known. */
  List<String> vmNames();

  /** Stops what runs at its next chunk, then lets the database go. */
  @Override
  void close();
}
