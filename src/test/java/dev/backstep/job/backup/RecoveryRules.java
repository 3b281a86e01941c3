package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.AdminQueries;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.catalog.Releases;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** What becomes of executions that nobody runs any more; run on each database. */
abstract class RecoveryRules extends OneMachineTest {

  private static final long NO_LEASE = 999_999_999;

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired AdminQueries admin;
  @Autowired JdbcClient jdbc;
  @Autowired Leftovers leftovers;
  @Autowired Leases leases;
  @Autowired Recovery recovery;
  @Autowired ProcessLease lease;
  @Autowired Releases releases;
  @Autowired BackupQueue queue;
  @Autowired PlatformTransactionManager manager;

  private final SimulatedDisk disk = new SimulatedDisk("a", 3_000_000, new Random(7));

  @BeforeEach
  void makeDisks() {
    machine.disks.put("a", disk);
    disk.write();
  }

  private BackupRow launched() throws InterruptedException {
    JobDefinition definition = SimulatedSource.definition(vm, folder.resolve("repository"));
    return ended(jobs.launch(definition, definition.level()));
  }

  private BackupRow failed() throws InterruptedException {
    machine.readBudget = 0;
    BackupRow backup = launched();
    assertThat(backup.status()).isEqualTo(Status.FAILED);
    machine.readBudget = -1;
    return backup;
  }

  private BackupRow completed() throws InterruptedException {
    BackupRow backup = launched();
    assertThat(backup.status()).as("%s", backup.error()).isEqualTo(Status.COMPLETED);
    return backup;
  }

  private BackupRow relaunched(BackupRow backup) throws InterruptedException {
    return ended(jobs.relaunch(backup.id().value()));
  }

  private BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    return queries.backup(run.backup());
  }

  private static long execution(BackupRow backup) {
    return backup.executionId().orElseThrow();
  }

  private void status(BackupRow backup, String status) {
    jdbc.sql("update BATCH_JOB_EXECUTION set STATUS = :status where JOB_EXECUTION_ID = :id")
        .param("status", status)
        .param("id", execution(backup))
        .update();
  }

  private void runsUnderADeadLease(BackupRow backup) {
    jdbc.sql("update backups set status = 'RUNNING', active_vm_id = vm_id where id = :id")
        .param("id", backup.id().value())
        .update();
    ownerDies(backup);
  }

  private void ownerDies(BackupRow backup) {
    jdbc.sql("update backups set lease_token = :none where id = :id")
        .param("none", NO_LEASE)
        .param("id", backup.id().value())
        .update();
  }

  private List<Long> stuck() {
    return admin.stuck().stream().map(row -> row.executionId().orElse(0)).toList();
  }

  @Test
  void unknownExecutionsAreRecoveredAndRelaunched() throws Exception {
    BackupRow failed = failed();
    status(failed, "UNKNOWN");
    jdbc.sql(
            "update BATCH_STEP_EXECUTION set STATUS = 'UNKNOWN' where JOB_EXECUTION_ID = :id and"
                + " STEP_NAME like 'disk%'")
        .param("id", execution(failed))
        .update();
    runsUnderADeadLease(failed);

    jobs.recoverDead();
    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.FAILED);
    BackupRow backup = relaunched(failed);

    assertThat(backup.status()).as("%s", backup.error()).isEqualTo(Status.COMPLETED);
    sameDisks(folder, backup, disk);
  }

  @Test
  void unknownExecutionOfAFailedBackupIsEndedByForceWhileItsProcessLives() throws Exception {
    BackupRow failed = failed();
    String id = failed.id().value();
    status(failed, "UNKNOWN");

    assertThat(stuck()).contains(execution(failed));
    assertThatThrownBy(() -> jobs.recover(id, false))
        .hasMessageContaining("recover --force ID")
        .extracting(e -> ((OperatorException) e).kind())
        .isEqualTo(OperatorException.Kind.BUSY);
    jobs.recoverDead();
    assertThat(stuck()).contains(execution(failed));
    jobs.recover(id, true);

    assertThat(stuck()).isEmpty();
    jobs.recover(id, false);
    assertThat(relaunched(failed).status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void unknownExecutionOfACompletedBackupEndsAndTheBackupStaysCompleted() throws Exception {
    BackupRow completed = completed();
    String id = completed.id().value();
    status(completed, "UNKNOWN");

    jobs.recover(id, true);

    assertThat(stuck()).isEmpty();
    assertThat(queries.backup(completed.id()).status()).isEqualTo(Status.COMPLETED);
    sameDisks(folder, completed, disk);
    assertThatThrownBy(() -> jobs.recover(id, true)).hasMessageContaining("is COMPLETED");
  }

  @Test
  void unknownExecutionsOfDeadProcessesNeedNoForceAndEndAtEachStart() throws Exception {
    BackupRow completed = completed();
    status(completed, "UNKNOWN");
    ownerDies(completed);
    jobs.recover(completed.id().value(), false);
    List<Long> asked = stuck();
    status(completed, "UNKNOWN");

    jobs.recoverDead();

    assertThat(asked).isEmpty();
    assertThat(stuck()).isEmpty();
    assertThat(queries.backup(completed.id()).status()).isEqualTo(Status.COMPLETED);
  }

  /** As a row that an administrator has edited. */
  @Test
  void executionThatCannotBeReadKeepsNoProcessFromStarting() throws Exception {
    BackupRow failed = failed();
    status(failed, "STARTED");
    String context = jobContext(execution(failed), "no JSON");
    runsUnderADeadLease(failed);

    jobs.recoverDead();

    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.FAILED);
    jobContext(execution(failed), context);
    jobs.recoverDead();
    assertThat(relaunched(failed).status()).isEqualTo(Status.COMPLETED);
  }

  /** Returns what was there. */
  private String jobContext(long execution, String text) {
    String table = " BATCH_JOB_EXECUTION_CONTEXT ";
    String before =
        jdbc.sql("select SHORT_CONTEXT from" + table + "where JOB_EXECUTION_ID = :id")
            .param("id", execution)
            .query(String.class)
            .single();
    jdbc.sql("update" + table + "set SHORT_CONTEXT = :text where JOB_EXECUTION_ID = :id")
        .param("text", text)
        .param("id", execution)
        .update();
    return before;
  }

  /** Whoever gives up looks at many rows, and each may take minutes. */
  @Test
  void whatWasGoneOnWithSinceItWasLookedAtIsNotGivenUp() throws Exception {
    BackupRow asItWas = failed();
    jdbc.sql(
            "update backups set snapshot_keep_until = timestamp '2001-01-01 00:00:00' where id ="
                + " :id")
        .param("id", asItWas.id().value())
        .update();
    BackupRow done = relaunched(asItWas);
    assertThat(done.status()).isEqualTo(Status.COMPLETED);

    leftovers.giveUpExpired(asItWas);

    Path image =
        folder
            .resolve("repository/vms/" + done.vmId() + "/disk-0")
            .resolve(done.disks().getFirst().image().orElseThrow());
    assertThat(image).exists();
    assertThat(completed().disks().getFirst().baseId()).contains(done.disks().getFirst().id());
  }

  /** The database was away between the backup's end and that of its execution. */
  @Test
  void executionOfABackupThatEndedIsEndedByTheNextRoundOfItsLivingProcess() throws Exception {
    BackupRow completed = completed();
    status(completed, "STARTED");
    assertThat(queries.unfinishedExecutions()).contains(execution(completed));

    jobs.recoverBackups();

    assertThat(queries.unfinishedExecutions()).doesNotContain(execution(completed));
    assertThat(queries.backup(completed.id()).status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void executionOfABackupThatEndedIsLeftToItsProcessWhileThatLives() throws Exception {
    BackupRow completed = completed();
    status(completed, "STARTED");
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    jdbc.sql("update backups set lease_token = :other where id = :id")
        .param("other", other)
        .param("id", completed.id().value())
        .update();

    jobs.recoverBackups();
    List<Long> whileItLives = queries.unfinishedExecutions();
    leases.release(other);
    jobs.recoverBackups();

    assertThat(whileItLives).contains(execution(completed));
    assertThat(queries.unfinishedExecutions()).doesNotContain(execution(completed));
  }

  /** It still removes marks at the source, and would take those of the new one for leftovers. */
  @Test
  void nextBackupWaitsForWhoeverGivesUpAnEarlierOne() throws Exception {
    BackupRow failed = failed();
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    assertThat(releases.begin(failed.id(), other, Releases.FOREVER)).isTrue();
    int before = machine.snapshotsMade;

    JobDefinition definition = SimulatedSource.definition(vm, folder.resolve("repository"));
    BackupRun run = jobs.launch(definition, definition.level());
    assertThat(run.await(Duration.ofMillis(500))).isFalse();
    assertThat(machine.snapshotsMade).isEqualTo(before);
    releases.done(new Releases.Release(failed.id(), other));

    assertThat(ended(run).status()).isEqualTo(Status.COMPLETED);
    leases.release(other);
  }

  @Test
  void relaunchWaitsForWhoeverGivesItUpAndDoesEveryDiskAnewThen() throws Exception {
    BackupRow failed = failed();
    int before = machine.snapshotsMade;
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    assertThat(releases.begin(failed.id(), other, Releases.FOREVER)).isTrue();

    BackupRun run = jobs.relaunch(failed.id().value());
    assertThat(run.await(Duration.ofMillis(500))).isFalse();
    releases.done(new Releases.Release(failed.id(), other));
    BackupRow done = ended(run);

    assertThat(done.status()).as("%s", done.error()).isEqualTo(Status.COMPLETED);
    assertThat(machine.snapshotsMade).isEqualTo(before + 1);
    sameDisks(folder, done, disk);
    leases.release(other);
  }

  @Test
  void nobodyWaitsForAProcessThatDiedWhileItGaveUp() throws Exception {
    BackupRow failed = failed();
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    assertThat(releases.begin(failed.id(), other, Releases.FOREVER)).isTrue();
    leases.release(other);

    assertThat(completed().status()).isEqualTo(Status.COMPLETED);

    assertThat(queries.backup(failed.id()).snapshotHandle()).isEmpty();
  }

  /** As when the database does not answer at the end of giving up. */
  @Test
  void nobodyWaitsForWhatThisProcessGivesUpNoMore() throws Exception {
    BackupRow failed = failed();
    assertThat(releases.begin(failed.id(), lease.token(), Releases.FOREVER)).isTrue();

    assertThat(completed().status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void abandonIsRefusedWhileAnotherProcessGivesTheBackupUp() throws Exception {
    BackupRow failed = failed();
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    assertThat(releases.begin(failed.id(), other, Releases.FOREVER)).isTrue();

    assertThatThrownBy(() -> jobs.abandon(failed.id().value()))
        .extracting(e -> ((OperatorException) e).kind())
        .isEqualTo(OperatorException.Kind.BUSY);
    leases.release(other);
    jobs.abandon(failed.id().value());

    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.ABANDONED);
  }

  /** The machine of its server stands still in the middle of a transaction. */
  @Test
  void backupWhoseDeadOwnerHasItsRowIsLeftForNowAndNothingWaitsForIt() throws Exception {
    BackupRow failed = failed();
    runsUnderADeadLease(failed);
    long begun = System.nanoTime();
    new TransactionTemplate(manager)
        .executeWithoutResult(held -> {
          assertThat(queue.tryLock(failed.id())).isTrue();
          CompletableFuture.runAsync(
                  () -> {
                    jobs.recoverBackups();
                    assertThatThrownBy(() -> jobs.recover(failed.id().value(), false))
                        .hasMessageContaining("in the middle of a transaction");
                  })
              .join();
        });
    assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));
    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.RUNNING);

    jobs.recoverBackups();

    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.FAILED);
  }
}
