package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.GoingOn;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** From the queue to runs; run on each database. */
abstract class DispatchRules extends QueueTest {

  /** A window of three hours around now. */
  private String windowAroundNow() {
    LocalTime now = LocalTime.ofInstant(clock.instant(), ZoneOffset.UTC).withSecond(0).withNano(0);
    return NIGHTLY + ", window: \"" + now.minusHours(1) + "-" + now.plusHours(2) + "\"";
  }

  private Instant windowEnd() {
    return clock.instant().truncatedTo(ChronoUnit.MINUTES).plus(Duration.ofHours(2));
  }

  @Test
  void beginsAsManyAsTheLimitAllowsAndTellsTheOthersWhatTheyWaitFor() throws Exception {
    ScheduleSettings two = settings(2, 9, 9);
    for (int i = 0; i < 5; i++) {
      enqueue(vm("a" + i));
      clock.advance(Duration.ofMillis(5));
    }

    dispatcher(two).round();
    List<BackupId> first = jobs.begun(2);
    jobs.completes(first.getFirst());
    dispatcher(two).round();

    assertThat(first).extracting(BackupId::value).allMatch(id -> id.matches(".*-a[01]-.*"));
    assertThat(jobs.begun(3)).hasSize(3);
    assertThat(newest(vm("a2")).status()).isEqualTo(Status.RUNNING);
    assertThat(newest(vm("a2")).launch().waitingFor()).isEmpty();
    assertThat(newest(vm("a4")).launch().waitingFor())
        .contains("a free place: backstep.server.max-backups allows 2 backups at once");
  }

  @Test
  void hostThatIsBusyDoesNotHoldUpOthers() throws Exception {
    ScheduleSettings one = settings(9, 1, 9);
    enqueue(vm("a@esx1"));
    enqueue(vm("b@esx1"));
    enqueue(vm("c@esx2"));

    dispatcher(one).round();

    assertThat(jobs.begun(2)).hasSize(2);
    assertThat(newest(vm("c@esx2")).status()).isEqualTo(Status.RUNNING);
    assertThat(newest(vm("b@esx1")).launch().waitingFor())
        .contains("a free place: backstep.server.max-backups-per-host allows 1 from host esx1");
  }

  @Test
  void repositoryHasALimitOfItsOwn() throws Exception {
    enqueue(vm("a"));
    enqueue(vm("b"));

    dispatcher(settings(9, 9, 1)).round();

    assertThat(jobs.begun(1)).hasSize(1);
    assertThat(newest(vm("b")).launch().waitingFor().orElseThrow())
        .contains("max-backups-per-repository allows 1 into repository ");
  }

  private static ScheduleSettings settings(int all, int host, int repository) {
    return new ScheduleSettings(
        all,
        host,
        repository,
        Duration.ZERO,
        Duration.ofMinutes(5),
        Duration.ofDays(1),
        Duration.ofDays(1),
        Duration.ofDays(1));
  }

  @Test
  void backupOfAMoverOutsideTakesNoPlace() throws Exception {
    ScheduleSettings one = settings(1, 1, 1);
    BackupId outside = running(vm("a"), NIGHTLY, Optional.empty());
    jdbc.sql("update backups set mover = 'EXTERNAL' where id = :id")
        .param("id", outside.value())
        .update();
    BackupId first = enqueue(vm("b"));
    clock.advance(Duration.ofMillis(5));
    enqueue(vm("c"));

    dispatcher(one).round();

    assertThat(jobs.begun(2)).containsExactly(outside, first);
    assertThat(row(outside).status()).isEqualTo(Status.RUNNING);
    assertThat(newest(vm("c")).launch().waitingFor().orElseThrow())
        .contains("max-backups allows 1");
  }

  @Test
  void jitterIsWaitedFor() throws Exception {
    BackupId id = enqueue(vm("a"));
    clock.advance(Duration.ofSeconds(-10));
    dispatcher().round();
    Status before = row(id).status();

    clock.advance(Duration.ofSeconds(10));
    dispatcher().round();

    assertThat(before).isEqualTo(Status.QUEUED);
    assertThat(jobs.begun(1)).containsExactly(id);
  }

  @Test
  void endOfTheWindowStopsAndTheNextOneGoesOnFromTheHeldSnapshot() throws Exception {
    String schedule = windowAroundNow();
    Instant end = windowEnd();
    BackupId id = running(vm("a"), schedule, Optional.of(end));
    jobs.opensSnapshot(id, clock.instant(), Duration.ofHours(24));
    clock.set(end.minusSeconds(1));
    Dispatcher dispatcher = dispatcher();
    dispatcher.round();
    List<BackupId> tooEarly = List.copyOf(jobs.stopped);

    clock.set(end);
    dispatcher.round();
    dispatcher.round();
    jobs.ends(id, Status.STOPPED, "");
    dispatcher.round();
    BackupRow between = row(id);
    clock.set(end.plus(Duration.ofHours(21)));
    dispatcher.round();

    assertThat(tooEarly).isEmpty();
    assertThat(jobs.stopped).containsExactly(id);
    assertThat(between.launch().startAfter()).contains(end.plus(Duration.ofHours(21)));
    assertThat(jobs.begun(2)).containsExactly(id, id);
    assertThat(row(id).status()).isEqualTo(Status.RUNNING);
    assertThat(row(id).snapshotHandle()).isPresent();
    assertThat(row(id).launch().stopAt()).contains(end.plus(Duration.ofDays(1)));
  }

  @Test
  void snapshotThatWouldBeTooOldInTheNextWindowIsLeftToOperators() throws Exception {
    Instant end = windowEnd();
    BackupId id = running(vm("a"), windowAroundNow(), Optional.of(end));
    jobs.opensSnapshot(id, clock.instant(), Duration.ofHours(12));

    clock.set(end);
    dispatcher().round();
    jobs.ends(id, Status.STOPPED, "");
    clock.set(end.plus(Duration.ofHours(22)));
    dispatcher().round();

    assertThat(jobs.stopped).contains(id);
    assertThat(row(id).status()).isEqualTo(Status.STOPPED);
    assertThat(row(id).launch().startAfter()).isEmpty();
    assertThat(row(id).note().orElseThrow())
        .contains("its window ended", "its snapshot is held until");
  }

  @Test
  void whatHadNoTurnInItsWindowIsFirstInTheNext() throws Exception {
    Instant end = windowEnd();
    BackupId id = enqueue(vm("a"), windowAroundNow(), Origin.API, Optional.of(end));

    clock.set(end.plusSeconds(5));
    dispatcher().round();
    BackupRow between = row(id);
    clock.set(end.plus(Duration.ofHours(21)));
    dispatcher().round();

    assertThat(between.status()).isEqualTo(Status.QUEUED);
    assertThat(between.launch().startAfter()).contains(end.plus(Duration.ofHours(21)));
    assertThat(jobs.begun(1)).containsExactly(id);
  }

  /** As when another release has stored them. */
  @Test
  void definitionsThatCannotBeReadKeepNoOtherBackupFromBeginning() throws Exception {
    Instant end = windowEnd();
    BackupId stopped = running(vm("a"), windowAroundNow(), Optional.of(end));
    jobs.ends(stopped, Status.STOPPED, "");
    GoingOn.at(jdbc, stopped, clock.instant(), Optional.of(end));
    BackupId queued = enqueue(vm("b"), windowAroundNow(), Origin.API, Optional.of(end));
    jdbc.sql("update backups set definition = 'of: a newer release' where id in (:ids)")
        .param("ids", List.of(stopped.value(), queued.value()))
        .update();
    BackupId other = enqueue(vm("c"));

    clock.set(end.plusSeconds(5));
    dispatcher().round();
    dispatcher().round();

    assertThat(jobs.begun(2)).containsExactly(stopped, other);
    assertThat(List.of(row(stopped), row(queued)))
        .allSatisfy(row -> {
          assertThat(row.status()).isEqualTo(Status.STOPPED);
          assertThat(row.launch().startAfter()).isEmpty();
          assertThat(row.note().orElseThrow())
              .startsWith(
                  "its window is over; the definition that it was started with cannot be read: ");
        });
    assertThat(enqueue(vm("b"))).isNotNull();
  }

  @Test
  void failedBackupIsGoneOnWithAfterItsPauseAndKeepsItsFirstError() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY + ", retries: 2, retry-pause: 15m", Optional.empty());
    for (int attempt = 1; attempt <= 3; attempt++) {
      jobs.ends(id, Status.FAILED, "error " + attempt);
      // Backups end by the machine's clock.
      clock.set(Instant.now().plus(Duration.ofMinutes(14)));
      dispatcher().round();
      assertThat(row(id).status()).isEqualTo(Status.FAILED);
      clock.set(Instant.now().plus(Duration.ofMinutes(15).plusSeconds(1)));
      dispatcher().round();
    }

    assertThat(jobs.begun(3)).hasSize(3);
    assertThat(row(id).status()).isEqualTo(Status.FAILED);
    assertThat(row(id).launch().attempts()).isEqualTo(3);
    assertThat(row(id).error()).contains("error 1");
    assertThat(row(id).launch().startAfter()).isEmpty();
  }

  @Test
  void whatAnOperatorStoppedIsNotRetried() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY + ", retries: 2, retry-pause: 0s", Optional.empty());
    jobs.ends(id, Status.STOPPED, "");
    clock.advance(Duration.ofHours(1));
    dispatcher().round();

    assertThat(row(id).status()).isEqualTo(Status.STOPPED);
    assertThat(jobs.begun).hasSize(1);
  }

  @Test
  void operatorEndsRetries() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY + ", retries: 2, retry-pause: 1h", Optional.empty());
    jobs.ends(id, Status.FAILED, "broken");
    dispatcher().round();
    Optional<Instant> retry = row(id).launch().startAfter();

    realJobs.stop(id.value());
    clock.advance(Duration.ofHours(2));
    dispatcher().round();

    assertThat(retry).isPresent();
    assertThat(row(id).status()).isEqualTo(Status.FAILED);
    assertThat(row(id).launch().startAfter()).isEmpty();
    assertThat(row(id).note()).contains("an operator asked not to go on with it");
  }

  @Test
  void relaunchWaitsForAFreePlaceAsAStartDoes() throws Exception {
    ScheduleSettings one = settings(1, 9, 9);
    BackupId stopped = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(stopped, Status.STOPPED, "");
    BackupId other = running(vm("b"), NIGHTLY, Optional.empty());

    realJobs.requeue(stopped.value(), "operator");
    clock.set(Instant.now());
    dispatcher(one).round();
    BackupRow waiting = row(stopped);
    jobs.completes(other);
    dispatcher(one).round();

    assertThat(waiting.status()).isEqualTo(Status.QUEUED);
    assertThat(waiting.completedAt()).isEmpty();
    assertThat(waiting.launch().waitingFor())
        .contains("a free place: backstep.server.max-backups allows 1 backups at once");
    assertThat(jobs.begun(3)).containsExactly(stopped, other, stopped);
    assertThat(row(stopped).status()).isEqualTo(Status.RUNNING);
    assertThat(row(stopped).launch().attempts()).isEqualTo(2);
  }

  @Test
  void relaunchThatWaitsIsTheOneBackupOfItsVm() throws Exception {
    BackupId stopped = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(stopped, Status.STOPPED, "");
    realJobs.requeue(stopped.value(), "operator");

    assertThatThrownBy(() -> enqueue(vm("a"))).hasMessageContaining(stopped.value());
    assertThatThrownBy(() -> realJobs.requeue(stopped.value(), "operator"))
        .hasMessageContaining("QUEUED")
        .extracting(e -> ((OperatorException) e).kind())
        .isEqualTo(OperatorException.Kind.BUSY);

    realJobs.stop(stopped.value());
    BackupId other = running(vm("a"), NIGHTLY, Optional.empty());
    assertThat(row(stopped).status()).isEqualTo(Status.STOPPED);
    assertThatThrownBy(() -> realJobs.requeue(stopped.value(), "operator"))
        .hasMessageContaining(other.value());
  }

  @Test
  void processThatRanItBeforeAndWakesDoesNotEndARelaunchThatWaits() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(id, Status.FAILED, "the process that ran it is gone");
    realJobs.requeue(id.value(), "operator");

    jobs.ends(id, Status.FAILED, "woken");

    assertThat(row(id).status()).isEqualTo(Status.QUEUED);
    assertThatThrownBy(() -> enqueue(vm("a"))).hasMessageContaining(id.value());
  }

  @Test
  void whatGoesOnByItselfKeepsTheLimits() throws Exception {
    ScheduleSettings one = settings(1, 9, 9);
    // Backups end by the machine's clock, so none of them is due before the test says so.
    clock.set(Instant.now().minus(Duration.ofHours(1)));
    BackupId dead = running(vm("a"), NIGHTLY, Optional.empty());
    long gone = otherLease();
    ownedBy(dead, gone);
    leases.release(gone);
    realJobs.recoverBackups();
    BackupId retried =
        running(vm("b"), NIGHTLY + ", retries: 1, retry-pause: 0s", Optional.empty());
    BackupId stopped = running(vm("c"), NIGHTLY, Optional.empty());
    running(vm("d"), NIGHTLY, Optional.empty());
    jobs.ends(retried, Status.FAILED, "broken");
    jobs.ends(stopped, Status.STOPPED, "");
    GoingOn.at(jdbc, stopped, clock.instant(), Optional.empty());

    clock.set(Instant.now());
    dispatcher(one).round();

    assertThat(jobs.begun).hasSize(4);
    assertThat(List.of(row(dead), row(retried), row(stopped)))
        .extracting(row -> row.launch().waitingFor().orElse(""))
        .allMatch(text -> text.contains("max-backups allows 1"));
  }

  @Test
  void relaunchedBackupOfACommandIsTheServersFromThenOn() throws Exception {
    BackupId id = running(vm("a@esx1"), NIGHTLY, Optional.empty());
    jdbc.sql(
            """
            update backups set origin = 'COMMAND', requested_by = null, source_host = null
            where id = :id\
            """)
        .param("id", id.value())
        .update();
    jobs.ends(id, Status.FAILED, "broken");

    realJobs.requeue(id.value(), "operator");

    assertThat(row(id).launch().origin()).isEqualTo(Origin.API);
    assertThat(row(id).launch().requestedBy()).contains("operator");
    assertThat(row(id).launch().sourceHost()).contains("esx1");
    assertThat(row(id).error()).contains("broken");
  }

  @Test
  void relaunchByAnOperatorBeginsOutsideOfItsWindowToo() throws Exception {
    Instant end = windowEnd();
    BackupId id = running(vm("a"), windowAroundNow(), Optional.of(end));
    jobs.ends(id, Status.FAILED, "broken");
    clock.set(end.plusSeconds(60));

    realJobs.requeue(id.value(), "operator");
    dispatcher().round();
    dispatcher().round();

    assertThat(jobs.begun(2)).containsExactly(id, id);
    assertThat(jobs.stopped).isEmpty();
  }

  @Test
  void relaunchThatWaitsPastItsSnapshotsKeepTimeLeavesTheQueue() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.opensSnapshot(id, Instant.now().minus(Duration.ofHours(2)), Duration.ofHours(1));
    jobs.ends(id, Status.STOPPED, "");
    realJobs.requeue(id.value(), "operator");

    realJobs.closeSnapshots();
    dispatcher().round();

    assertThat(row(id).status()).isEqualTo(Status.STOPPED);
    assertThat(row(id).note().orElseThrow()).startsWith("its snapshot was held until ");
    assertThat(row(id).launch().startAfter()).isEmpty();
    assertThat(jobs.begun).hasSize(1);
    assertThat(enqueue(vm("a"))).isNotNull();
  }
}
