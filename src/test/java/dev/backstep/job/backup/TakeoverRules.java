package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.WatchedRenames;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.GoingOn;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Who may take a backup over, and what is not theirs any more; run on each database. */
abstract class TakeoverRules extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired BackupQueue queue;
  @Autowired PlatformTransactionManager manager;
  @Autowired Leases leases;
  @Autowired Recovery recovery;
  @Autowired JdbcClient jdbc;

  /** Its owner may fall asleep at any of these, and would publish a second time when it wakes. */
  @Test
  void nobodyTakesABackupOverInTheMiddleOfWhatItPublishes() throws Exception {
    machine.disks.put("a", written());
    Path vms = folder.resolve("repository/vms");
    Map<String, Boolean> takeable = new ConcurrentHashMap<>();

    try (WatchedRenames _ =
        WatchedRenames.begin(file -> {
          if (file.startsWith(vms)) {
            String name = file.getFileName() + "";
            String kind = name.substring(name.lastIndexOf('.'));
            takeable.put(
                file.getParent().endsWith("restore-points") ? "restore point" : kind,
                CompletableFuture.supplyAsync(this::isTakeable).join());
          }
        })) {
      var run =
          jobs.launch(
              SimulatedSource.definition(vm, folder.resolve("repository")), RequestedLevel.AUTO);
      assertThat(ended(run).status()).isEqualTo(Status.COMPLETED);
    }

    assertThat(takeable)
        .containsOnlyKeys(".sums", ".json", ".qcow2", "restore point")
        .doesNotContainValue(true);
  }

  private Boolean isTakeable() {
    return new TransactionTemplate(manager)
        .execute(status ->
            queue.tryLock(
                queries.running().stream()
                    .filter(row -> row.vmName().equals(vm))
                    .findFirst()
                    .orElseThrow()
                    .id()));
  }

  private BackupRow failed() throws InterruptedException {
    machine.disks.put("a", written());
    machine.readBudget = 0;
    BackupRow backup =
        ended(
            jobs.launch(
                SimulatedSource.definition(vm, folder.resolve("repository")), RequestedLevel.AUTO));
    assertThat(backup.status()).isEqualTo(Status.FAILED);
    machine.readBudget = -1;
    return backup;
  }

  private static SimulatedDisk written() {
    SimulatedDisk disk = new SimulatedDisk("a", 2_000_000, new Random(3));
    disk.write();
    return disk;
  }

  private BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    return queries.backup(run.backup());
  }

  /** Both would write the same images, each under a lease that lives. */
  @Test
  void whatWasTakenOverBeforeItBeganIsTheOthers() throws Exception {
    BackupRow backup = failed();
    GoingOn.at(jdbc, backup.id(), Instant.now(), Optional.empty());
    assertThat(jobs.take(backup.id())).isTrue();
    anotherRuns(backup);

    assertThatThrownBy(() -> jobs.begin(backup.id()))
        .hasMessageContaining("another process took it over")
        .extracting(e -> ((OperatorException) e).kind())
        .isEqualTo(OperatorException.Kind.BUSY);

    assertStillRuns(backup);
  }

  @Test
  void relaunchThatComesTooLateEndsNothingOfWhoeverWasFaster() throws Exception {
    BackupRow backup = failed();
    machine.beforeOpen = () -> anotherRuns(backup);

    assertThatThrownBy(() -> jobs.relaunch(backup.id().value()))
        .extracting(e -> ((OperatorException) e).kind())
        .isEqualTo(OperatorException.Kind.BUSY);

    assertStillRuns(backup);
  }

  private void anotherRuns(BackupRow backup) {
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    jdbc.sql(
            """
            update backups set status = 'RUNNING', active_vm_id = vm_id, lease_token = :token
            where id = :id\
            """)
        .param("token", other)
        .param("id", backup.id().value())
        .update();
    jdbc.sql("update BATCH_JOB_EXECUTION set STATUS = 'STARTED' where JOB_EXECUTION_ID = :id")
        .param("id", execution(backup))
        .update();
  }

  private void assertStillRuns(BackupRow backup) {
    assertThat(queries.backup(backup.id()).status()).isEqualTo(Status.RUNNING);
    assertThat(
            jdbc.sql("select STATUS from BATCH_JOB_EXECUTION where JOB_EXECUTION_ID = :id")
                .param("id", execution(backup))
                .query(String.class)
                .single())
        .isEqualTo("STARTED");
    jdbc.sql("update backups set lease_token = 999999999 where id = :id")
        .param("id", backup.id().value())
        .update();
    jobs.recoverBackups();
  }

  /** It ended, and was taken in the turn that the recovery waited for. */
  @Test
  void whatWasGoneOnWithSinceTheListWasReadIsNotDropped() throws Exception {
    BackupRow backup = failed();
    GoingOn.at(jdbc, backup.id(), Instant.now(), Optional.empty());
    assertThat(jobs.take(backup.id())).isTrue();
    AtomicInteger asked = new AtomicInteger();

    recovery.recoverBackups(row -> row.id().equals(backup.id()) && asked.getAndIncrement() == 0);

    assertThat(asked.get()).isGreaterThan(1);
    assertThat(queries.backup(backup.id()).status()).isEqualTo(Status.RUNNING);
    assertThat(ended(jobs.begin(backup.id())).status()).isEqualTo(Status.COMPLETED);
  }

  /** It slept, and woke before anybody had noticed: nobody else would find it to go on with. */
  @Test
  void whoFindsItsOwnLeaseEndedLeavesTheBackupToBeGoneOnWith() throws Exception {
    machine.disks.put("a", written());
    Path vms = folder.resolve("repository/vms");
    BackupId id =
        jobs.enqueue(
            SimulatedSource.definition(vm, folder.resolve("repository")),
            RequestedLevel.AUTO,
            Launch.byApi("a test", List.of()));
    assertThat(jobs.take(id)).isTrue();
    try (WatchedRenames _ =
        WatchedRenames.begin(file -> {
          if (file.startsWith(vms)) {
            CompletableFuture.runAsync(() -> endLeases("acquired_at")).join();
          }
        })) {
      BackupRow row = ended(jobs.begin(id));
      assertThat(row.status()).isEqualTo(Status.FAILED);
      assertThat(row.error().orElseThrow()).contains("has ended");
      assertThat(row.launch().startAfter()).isPresent();
    } finally {
      endLeases("timestampadd(hour, 1, renewed_at)");
    }

    assertThat(jobs.take(id)).isTrue();
    assertThat(ended(jobs.begin(id)).status()).isEqualTo(Status.COMPLETED);
  }

  private void endLeases(String at) {
    jdbc.sql("update leases set expires_at = " + at).update();
  }

  private static long execution(BackupRow backup) {
    return backup.executionId().orElseThrow();
  }
}
