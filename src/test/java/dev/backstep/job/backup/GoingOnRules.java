package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.BatchHistory;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.GoingOn;
import dev.backstep.catalog.Launch;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Backups that servers begin, stop and go on with by themselves; run on each database. */
abstract class GoingOnRules extends OneMachineTest {

  private static final int LARGE = 96 << 20;
  private static final Instant DUE = Instant.parse("2026-11-10T01:00:00Z");

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired Continuations continuations;
  @Autowired GracefulShutdown shutdown;
  @Autowired BatchHistory history;
  @Autowired JdbcClient jdbc;

  @BeforeEach
  void makeDisks() {
    SimulatedDisk disk = new SimulatedDisk("a", LARGE, new Random(7));
    machine.disks.put("a", disk);
    for (int i = 0; i < 1000; i++) {
      disk.write();
    }
    machine.readMillis = 20;
  }

  private BackupId enqueue() {
    JobDefinition definition = SimulatedSource.definition(vm, folder.resolve("repository"));
    return jobs.enqueue(
        definition,
        definition.level(),
        new Launch(
            Origin.SCHEDULE,
            Optional.empty(),
            Mover.INTERNAL,
            Optional.empty(),
            Optional.of(DUE),
            Optional.of(Instant.now()),
            Optional.empty(),
            0,
            Optional.empty(),
            List.of()));
  }

  private BackupRun begin(BackupId id) {
    assertThat(jobs.take(id)).isTrue();
    return jobs.begin(id);
  }

  private void awaitFirstChunk(BackupId id) throws InterruptedException {
    for (int i = 0; i < 3000; i++) {
      if (queries.backup(id).disks().stream().anyMatch(disk -> disk.bytesRead() > 20_000_000)) {
        return;
      }
      TimeUnit.MILLISECONDS.sleep(5);
    }
    throw new AssertionError("no chunk was committed");
  }

  private BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(1))).isTrue();
    return queries.backup(run.backup());
  }

  private BackupRow completed(BackupId id) throws InterruptedException {
    machine.readMillis = 0;
    BackupRow row = ended(begin(id));
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    return row;
  }

  private long instances(BackupId... backups) {
    return jdbc.sql(
            """
            select count(*) from BATCH_JOB_EXECUTION_PARAMS
            where PARAMETER_NAME = 'backup' and PARAMETER_VALUE in (:backups)\
            """)
        .param("backups", Stream.of(backups).map(BackupId::value).toList())
        .query(Long.class)
        .single();
  }

  @Test
  void endOfWindow() throws Exception {
    BackupId id = enqueue();
    BackupRun run = begin(id);
    awaitFirstChunk(id);
    Instant next = Instant.now().plusSeconds(60);

    continuations.afterStop(id, next, Optional.of(next.plusSeconds(60)));
    jobs.stop(id.value());
    BackupRow stopped = ended(run);
    long before = stopped.disks().getFirst().bytesRead();
    BackupRow row = completed(id);

    assertThat(stopped.status()).isEqualTo(Status.STOPPED);
    assertThat(stopped.launch().startAfter().orElseThrow()).isAfter(Instant.now());
    assertThat(stopped.snapshotHandle()).isPresent();
    assertThat(before).isBetween(20_000_000L, LARGE - 1L);
    assertThat(machine.snapshotsMade).isEqualTo(1);
    assertThat(row.launch().startAfter()).isEmpty();
    assertThat(row.launch().attempts()).isEqualTo(2);
  }

  @Test
  void scheduledTimeIsAnIdentifyingParameter() throws Exception {
    BackupId id = enqueue();
    completed(id);

    assertThat(
            jdbc.sql(
                    """
                    select s.PARAMETER_VALUE, s.IDENTIFYING from BATCH_JOB_EXECUTION_PARAMS s
                    join BATCH_JOB_EXECUTION_PARAMS b on b.JOB_EXECUTION_ID = s.JOB_EXECUTION_ID
                    where s.PARAMETER_NAME = 'scheduled_at' and b.PARAMETER_VALUE = :id\
                    """)
                .param("id", id.value())
                .query((row, index) -> row.getString(1) + " " + row.getString(2))
                .single())
        .isEqualTo("2026-11-10T01:00:00Z Y");
  }

  @Test
  void shutdownWritesDownThatItGoesOn() throws Exception {
    BackupId id = enqueue();
    BackupRun run = begin(id);
    awaitFirstChunk(id);

    shutdown.stop();
    BackupRow stopped = ended(run);
    shutdown.start();
    completed(id);

    assertThat(stopped.status()).isEqualTo(Status.STOPPED);
    assertThat(stopped.launch().startAfter().orElseThrow()).isBefore(Instant.now());
    assertThat(machine.snapshotsMade).isEqualTo(1);
  }

  /** It slept past its lease, and would write down its end as that of the run that goes on. */
  @Test
  void nothingIsGoneOnWithWhileAnEarlierRunOfItIsAtWorkHere() throws Exception {
    BackupId id = enqueue();
    BackupRun run = begin(id);
    awaitFirstChunk(id);
    jdbc.sql("update backups set status = 'FAILED', active_vm_id = null where id = :id")
        .param("id", id.value())
        .update();
    GoingOn.at(jdbc, id, Instant.now(), Optional.empty());

    assertThat(jobs.take(id)).isFalse();
    assertThatThrownBy(() -> jobs.relaunch(id.value()))
        .hasMessageContaining("an earlier run of it is still at work here")
        .extracting(e -> ((OperatorException) e).kind())
        .isEqualTo(OperatorException.Kind.BUSY);

    assertThat(run.await(Duration.ofMinutes(1))).isTrue();
    assertThat(queries.backup(id).launch().startAfter()).isPresent();
    completed(id);
  }

  @Test
  void relaunchFromTheQueueGoesOnFromTheHeldSnapshot() throws Exception {
    BackupId id = enqueue();
    BackupRun run = begin(id);
    awaitFirstChunk(id);
    jobs.stop(id.value());
    BackupRow stopped = ended(run);

    jobs.requeue(id.value(), "operator");
    BackupRow waiting = queries.backup(id);
    BackupRow row = completed(id);

    assertThat(waiting.status()).isEqualTo(Status.QUEUED);
    assertThat(waiting.snapshotHandle()).isEqualTo(stopped.snapshotHandle()).isPresent();
    assertThat(machine.snapshotsMade).isEqualTo(1);
    assertThat(row.disks().getFirst().bytesRead())
        .isGreaterThan(stopped.disks().getFirst().bytesRead())
        .isLessThan(LARGE + stopped.disks().getFirst().bytesRead());
    assertThat(row.launch().attempts()).isEqualTo(2);
  }

  @Test
  void marksOfABackupThatWaitsToGoOnStayWhenAnOlderOneIsAbandoned() throws Exception {
    BackupId old = enqueue();
    BackupRun first = begin(old);
    awaitFirstChunk(old);
    jobs.stop(old.value());
    ended(first);
    jdbc.sql("update backups set scheduled_at = null where id = :id")
        .param("id", old.value())
        .update();
    BackupId id = enqueue();
    BackupRun run = begin(id);
    awaitFirstChunk(id);
    jobs.stop(id.value());
    ended(run);
    jobs.requeue(id.value(), "operator");
    int made = machine.snapshotsMade;

    jobs.abandon(old.value());
    completed(id);

    assertThat(machine.snapshotsMade).isEqualTo(made);
  }

  @Test
  void newSnapshotOfTheVmEndsWhatWasToGoOn() throws Exception {
    BackupId old = enqueue();
    BackupRun run = begin(old);
    awaitFirstChunk(old);
    continuations.afterStop(old, Instant.now(), Optional.empty());
    jobs.stop(old.value());
    ended(run);
    jdbc.sql("update backups set scheduled_at = null where id = :id")
        .param("id", old.value())
        .update();

    completed(enqueue());

    assertThat(queries.backup(old).launch().startAfter()).isEmpty();
    assertThat(queries.backup(old).note().orElseThrow()).startsWith("superseded by backup-");
  }

  @Test
  void housekeepingForgetsWhatIsDoneAndKeepsWhatARelaunchNeeds() throws Exception {
    BackupId done = enqueue();
    completed(done);
    jdbc.sql("update backups set scheduled_at = null where id = :id")
        .param("id", done.value())
        .update();
    machine.readMillis = 20;
    machine.disks.get("a").resetTracking();
    BackupId unfinished = enqueue();
    BackupRun run = begin(unfinished);
    awaitFirstChunk(unfinished);
    jobs.stop(unfinished.value());
    long read = ended(run).disks().getFirst().bytesRead();
    jdbc.sql("update BATCH_JOB_EXECUTION set END_TIME = {ts '2020-01-01 00:00:00'}").update();

    history.trim(Instant.parse("2019-01-01T00:00:00Z"));
    long early = instances(done, unfinished);
    history.trim(Instant.now());
    long late = instances(done, unfinished);
    jobs.requeue(unfinished.value(), "operator");
    BackupRow row = completed(unfinished);

    assertThat(early).isEqualTo(2);
    assertThat(late).isEqualTo(1);
    assertThat(queries.backup(done).status()).isEqualTo(Status.COMPLETED);
    assertThat(read).isPositive();
    assertThat(machine.snapshotsMade).isEqualTo(2);
    assertThat(row.disks()).hasSize(1);
    for (String orphan :
        List.of(
            "BATCH_STEP_EXECUTION where JOB_EXECUTION_ID not in"
                + " (select JOB_EXECUTION_ID from BATCH_JOB_EXECUTION)",
            "BATCH_STEP_EXECUTION_CONTEXT where STEP_EXECUTION_ID not in"
                + " (select STEP_EXECUTION_ID from BATCH_STEP_EXECUTION)",
            "BATCH_JOB_INSTANCE where JOB_INSTANCE_ID not in"
                + " (select JOB_INSTANCE_ID from BATCH_JOB_EXECUTION)")) {
      assertThat(jdbc.sql("select count(*) from " + orphan).query(Long.class).single()).isZero();
    }
  }
}
