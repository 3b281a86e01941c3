package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.catalog.RepositoryChecks;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.RepositoryCheckJobs;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskListener;
import dev.backstep.job.TaskRun;
import dev.backstep.job.TaskRuns;
import dev.backstep.job.verify.VerifyConfiguration;
import dev.backstep.repository.Repository;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.JobInstance;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** What becomes of tasks whose process died, slept, or was not heard by the database. */
@Import({TaskParts.class, VerifyConfiguration.class})
abstract class TaskRecoveryRules extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired RepositoryCheckJobs repositoryChecks;
  @Autowired RepositoryChecks checks;
  @Autowired TaskJobs tasks;
  @Autowired Tasks table;
  @Autowired TaskQueries taskQueries;
  @Autowired TaskListener listener;
  @Autowired RunningTasks running;
  @Autowired Leases leases;
  @Autowired ProcessLease lease;
  @Autowired BackupQueries backups;
  @Autowired JdbcClient jdbc;
  @Autowired PlatformTransactionManager manager;

  private Repository repository;

  @BeforeEach
  void backUp() throws Exception {
    SimulatedDisk disk = new SimulatedDisk("a", 2_000_000, new Random(3));
    machine.disks.put("a", disk);
    disk.write();
    JobDefinition definition = SimulatedSource.definition(vm, folder.resolve("repository"));
    assertThat(jobs.launch(definition, RequestedLevel.AUTO).await(Duration.ofMinutes(2))).isTrue();
    repository = Repository.open(folder.resolve("repository"));
  }

  private static void ended(TaskRun run, Status status) throws Exception {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    assertThat(run.state().status()).as("%s", run.state().error()).isEqualTo(status);
  }

  private TaskRun completed() throws Exception {
    TaskRun run = repositoryChecks.check(repository.id().value());
    ended(run, Status.COMPLETED);
    return run;
  }

  private String begun() {
    return checks.begin(repository.id(), repository.root().toString(), lease.token());
  }

  private TaskRow row(String id) {
    return taskQueries.find(id).orElseThrow();
  }

  private void hoursPass(String id) {
    jdbc.sql("update tasks set created_at = timestamp '2001-01-01 00:00:00' where id = :id")
        .param("id", id)
        .update();
  }

  /** The framework stores how a job ended before its listener is told. */
  @Test
  void checkThatWasDoneWhenItsProcessDiedIsDone() throws Exception {
    TaskRun run = completed();
    jdbc.sql("update tasks set status = 'RUNNING', lease_token = 999999999 where id = :id")
        .param("id", run.id())
        .update();

    tasks.recoverDead();

    assertThat(row(run.id()).status()).isEqualTo(Status.COMPLETED);
    jdbc.sql("update tasks set status = 'FAILED' where id = :id").param("id", run.id()).update();
    ended(tasks.relaunch(run.id()), Status.COMPLETED);
  }

  /** Its process slept past its lease, and another one relaunched the task. */
  @Test
  void runThatWasTakenOverEndsNothing() throws Exception {
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    String id = begun();
    JobExecution slept =
        new JobExecution(
            987_654_321,
            new JobInstance(1, "check"),
            new JobParametersBuilder().addString(TaskJob.PARAMETER, id).toJobParameters());
    try (AutoCloseable _ = TaskRuns.begin(running, id, lease.token())) {
      listener.beforeJob(slept);
      table.ended(id, lease.token(), Status.FAILED, Optional.empty());
      assertThat(table.resume(id, other)).isTrue();

      assertThatThrownBy(() -> running.lock(id)).isInstanceOf(FencedException.class);
      assertThatThrownBy(() -> running.check(id)).isInstanceOf(FencedException.class);
      slept.setStatus(BatchStatus.COMPLETED);
      listener.afterJob(slept);
    }

    assertThat(row(id).status()).isEqualTo(Status.RUNNING);
    assertThat(row(id).leaseToken()).hasValue(other);
    table.ended(id, other, Status.STOPPED, Optional.empty());
    leases.release(other);
  }

  /** Two threads of one process would share its lease, which keeps neither from writing. */
  @Test
  void relaunchIsRefusedWhileAnEarlierRunIsStillAtWorkHere() throws Exception {
    String id = begun();
    try (AutoCloseable _ = TaskRuns.begin(running, id, lease.token())) {
      table.ended(id, lease.token(), Status.FAILED, Optional.empty());

      assertThatThrownBy(() -> tasks.relaunch(id))
          .hasMessageContaining("still at work in this process")
          .extracting(e -> ((OperatorException) e).kind())
          .isEqualTo(OperatorException.Kind.BUSY);
    }

    ended(tasks.relaunch(id), Status.COMPLETED);
  }

  /** The database was away when its end was to be written, or between its begin and its launch. */
  @Test
  void taskOfThisProcessThatNoThreadRunsIsRecovered() throws Exception {
    String id = begun();
    tasks.recoverDead();
    assertThat(row(id).status()).as("it may be launched at any moment").isEqualTo(Status.RUNNING);
    hoursPass(id);

    tasks.recoverDead();

    assertThat(row(id).status()).isEqualTo(Status.FAILED);
    ended(tasks.relaunch(id), Status.COMPLETED);
  }

  @Test
  void oldTaskThatAThreadRunsIsLeftAlone() throws Exception {
    String id = begun();
    hoursPass(id);
    try (AutoCloseable _ = TaskRuns.begin(running, id, lease.token())) {
      tasks.recoverDead();

      assertThat(row(id).status()).isEqualTo(Status.RUNNING);
    }
    table.ended(id, lease.token(), Status.STOPPED, Optional.empty());
  }

  @Test
  void taskWhoseRelaunchBreaksOffDoesNotStayRunning() throws Exception {
    TaskRun run = completed();
    jdbc.sql("update tasks set status = 'FAILED' where id = :id").param("id", run.id()).update();
    jdbc.sql(
            "update BATCH_JOB_EXECUTION_CONTEXT set SHORT_CONTEXT = 'no JSON'"
                + " where JOB_EXECUTION_ID = (select execution_id from tasks where id = :id)")
        .param("id", run.id())
        .update();

    assertThatThrownBy(() -> tasks.relaunch(run.id())).isInstanceOf(RuntimeException.class);

    assertThat(row(run.id()).status()).isEqualTo(Status.FAILED);
  }

  /** The database was away between the task's end and that of its execution. */
  @Test
  void executionOfATaskThatEndedIsEnded() throws Exception {
    TaskRun run = completed();
    long execution = row(run.id()).executionId().orElseThrow();
    jdbc.sql("update BATCH_JOB_EXECUTION set STATUS = 'STARTED' where JOB_EXECUTION_ID = :id")
        .param("id", execution)
        .update();
    assertThat(backups.unfinishedExecutions()).contains(execution);
    try (AutoCloseable _ = TaskRuns.begin(running, run.id(), lease.token())) {
      tasks.recoverDead();
      assertThat(backups.unfinishedExecutions())
          .as("its thread is about to end it")
          .contains(execution);
    }

    tasks.recoverDead();

    assertThat(backups.unfinishedExecutions()).doesNotContain(execution);
    assertThat(row(run.id()).status()).isEqualTo(Status.COMPLETED);
  }

  /** A row that stays RUNNING would be waited for by everyone. */
  @Test
  void deadCheckWhoseExecutionCannotBeReadHasEndedAllTheSame() throws Exception {
    TaskRun run = completed();
    jdbc.sql("update tasks set status = 'RUNNING', lease_token = 999999999 where id = :id")
        .param("id", run.id())
        .update();
    jdbc.sql(
            "update BATCH_JOB_EXECUTION_CONTEXT set SHORT_CONTEXT = 'no JSON'"
                + " where JOB_EXECUTION_ID = (select execution_id from tasks where id = :id)")
        .param("id", run.id())
        .update();

    tasks.recoverDead();

    assertThat(row(run.id()).status()).isEqualTo(Status.FAILED);
  }

  /** Another process has found it dead as well, and relaunched it, while we waited for its row. */
  @Test
  void runThatWasRelaunchedMeanwhileIsNotEnded() throws Exception {
    TaskRun run = completed();
    long execution = row(run.id()).executionId().orElseThrow();
    jdbc.sql("update tasks set status = 'RUNNING', lease_token = 999999999 where id = :id")
        .param("id", run.id())
        .update();
    jdbc.sql("update BATCH_JOB_EXECUTION set STATUS = 'STARTED' where JOB_EXECUTION_ID = :id")
        .param("id", execution)
        .update();
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();

    CompletableFuture<Void> recovery =
        new TransactionTemplate(manager)
            .execute(status -> {
              jdbc.sql("update tasks set lease_token = :token where id = :id")
                  .param("token", other)
                  .param("id", run.id())
                  .update();
              CompletableFuture<Void> late = CompletableFuture.runAsync(tasks::recoverDead);
              LockSupport.parkNanos(Duration.ofMillis(500).toNanos());
              return late;
            });
    recovery.get(30, TimeUnit.SECONDS);

    assertThat(backups.unfinishedExecutions()).contains(execution);
    assertThat(row(run.id()).leaseToken()).hasValue(other);
    table.ended(run.id(), other, Status.STOPPED, Optional.empty());
    leases.release(other);
    tasks.recoverDead();
  }
}
