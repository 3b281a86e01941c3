package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.BatchHistory;
import dev.backstep.catalog.FireRow;
import dev.backstep.catalog.GoingOn;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.Replications;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.Origin;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.TransientDataAccessException;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** What becomes of a start that a schedule asks for; run on each database. */
abstract class FireRules extends FireTest {

  @Test
  void fireBecomesABackupInTheQueue() throws Exception {
    schedule(vm("a"), NIGHTLY + ", window: \"00:30-02:00\", jitter: 5m, retries: 2");

    recorder().fire(id(vm("a")), DUE);

    BackupRow backup = newest(vm("a"));
    assertThat(backup.status()).isEqualTo(Status.QUEUED);
    assertThat(backup.launch().origin()).isEqualTo(Origin.SCHEDULE);
    assertThat(backup.launch().scheduledAt()).contains(DUE);
    assertThat(backup.launch().startAfter().orElseThrow())
        .isBetween(DUE, DUE.plus(Duration.ofMinutes(5)));
    assertThat(backup.launch().stopAt()).contains(DUE.plus(Duration.ofHours(1)));
    assertThat(backup.launch().sourceHost()).contains(vm("a"));
    assertThat(fire(vm("a")))
        .isEqualTo(
            new FireRow(
                vm("a"),
                DUE,
                clock.instant(),
                FireOutcome.QUEUED,
                Optional.empty(),
                Optional.of(backup.id()),
                Optional.of(Status.QUEUED)));
    assertThat(schedules().page(1, PageRequest.first(99)).items().getFirst().lastFire())
        .contains(fire(vm("a")));
  }

  @Test
  void fireDeliveredTwiceIsOneBackup() throws Exception {
    schedule(vm("a"), NIGHTLY);

    recorder().fire(id(vm("a")), DUE);
    realJobs.stop(newest(vm("a")).id().value());
    recorder().fire(id(vm("a")), DUE);

    assertThat(queries.list(Optional.of(vm("a")), 10)).hasSize(1);
    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  @Test
  void fireDeliveredToManyAtOnceIsOneBackup() throws Exception {
    schedule(vm("a"), NIGHTLY);

    List<CompletableFuture<Void>> servers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      servers.add(CompletableFuture.runAsync(() -> recorder().fire(id(vm("a")), DUE)));
    }
    servers.forEach(CompletableFuture::join);

    assertThat(queries.list(Optional.of(vm("a")), 10)).hasSize(1);
    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(vm("a")).backup()).contains(newest(vm("a")).id());
  }

  /** The server dies after the backup is in the queue, and before it could say so. */
  @Test
  void fireLeftHalfWayIsTakenUp() throws Exception {
    schedule(vm("a"), NIGHTLY);
    fires.begin(vm("a"), DUE);
    BackupId backup =
        realJobs.enqueue(
            definition(vm("a"), NIGHTLY), RequestedLevel.AUTO, launch(Optional.of(DUE)));
    FireOutcome before = fire(vm("a")).outcome();

    recorder().fire(id(vm("a")), DUE);

    assertThat(before).isEqualTo(FireOutcome.PENDING);
    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(vm("a")).backup()).contains(backup);
    assertThat(queries.list(Optional.of(vm("a")), 10)).hasSize(1);
  }

  @Test
  void fireThatMeetsABackupOfItsVmIsSkippedWithIt() throws Exception {
    schedule(vm("a"), NIGHTLY);
    BackupId running = schedules().runNow(vm("a"), Optional.empty(), Optional.of("me"));

    recorder().fire(id(vm("a")), DUE);

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(fire(vm("a")).backup()).contains(running);
    assertThat(fire(vm("a")).reason().orElseThrow())
        .isEqualTo(running + " of this VM runs or waits");
    assertThat(newest(vm("a")).launch().requestedBy()).contains("me");
  }

  @Test
  void fireThatMeetsAnUnfinishedBackupLeavesItTheVm() throws Exception {
    schedule(vm("a"), NIGHTLY);
    BackupId unfinished = schedules().runNow(vm("a"), Optional.empty(), Optional.empty());
    realJobs.stop(unfinished.value());
    GoingOn.at(jdbc, unfinished, DUE.plusSeconds(60), Optional.empty());

    recorder().fire(id(vm("a")), DUE);

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(fire(vm("a")).reason().orElseThrow())
        .isEqualTo(unfinished + " is unfinished and goes on at " + DUE.plusSeconds(60));
  }

  @Test
  void repositoryThatIsNoneFailsTheFireWithItsReason() throws Exception {
    schedule(vm("a"), NIGHTLY);
    Files.createDirectory(folder.resolve("repository"));
    Files.writeString(folder.resolve("repository/other"), "things");

    recorder().fire(id(vm("a")), DUE);

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(vm("a")).reason().orElseThrow()).contains("repository");
    assertThat(queries.list(Optional.of(vm("a")), 10)).isEmpty();
  }

  @Test
  void missedFireOfSkipIsSkipped() throws Exception {
    schedule(vm("a"), NIGHTLY + ", misfire: skip");
    clock.set(DUE.plus(Duration.ofHours(3)));

    recorder().fire(id(vm("a")), DUE);

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(fire(vm("a")).reason().orElseThrow())
        .isEqualTo("noticed PT3H late, and its schedule says misfire: skip");
  }

  @Test
  void ofMissedFiresOfRunOnceTheLastOneRuns() throws Exception {
    schedule(vm("a"), NIGHTLY);
    clock.set(DUE.plus(Duration.ofHours(30)));

    recorder().fire(id(vm("a")), DUE);
    recorder().fire(id(vm("a")), DUE.plus(Duration.ofDays(1)));

    assertThat(fires.page(Optional.of(vm("a")), Instant.EPOCH, PageRequest.first(9)).items())
        .extracting(FireRow::outcome)
        .containsExactly(FireOutcome.QUEUED, FireOutcome.SKIPPED);
    assertThat(
            fires
                .page(Optional.of(vm("a")), Instant.EPOCH, PageRequest.first(9))
                .items()
                .getLast()
                .reason()
                .orElseThrow())
        .isEqualTo("noticed PT30H late, and a later one was due at 2026-11-11T01:00:00Z");
  }

  @Test
  void fireThatIsALittleLateIsNotMissed() throws Exception {
    schedule(vm("a"), NIGHTLY + ", misfire: skip");
    clock.set(DUE.plus(Duration.ofMinutes(4)));

    recorder().fire(id(vm("a")), DUE);

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  /** As after a clock that stood in another year when the schedule was made. */
  @Test
  void firesOfLongAgoAreLeftOutTogether() throws Exception {
    schedule(vm("a"), NIGHTLY);
    clock.set(DUE.plus(Duration.ofDays(9000)));

    recorder().fire(id(vm("a")), DUE);

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(machines.find(id(vm("a"))).orElseThrow().nextFireAt().orElseThrow())
        .isBetween(clock.instant().minus(Duration.ofDays(1)), clock.instant());
  }

  @Test
  void fireOfARemovedScheduleIsNothing() {
    recorder().fire(id("nobody"), DUE);

    assertThat(fires.page(Optional.empty(), Instant.EPOCH, PageRequest.first(9)).items()).isEmpty();
  }

  /** London, 29 March 2026: 01:00 to 02:00 does not exist. */
  @Test
  void startInTheHourThatDoesNotExistIsMadeUpForOnce() throws Exception {
    Instant gap = Instant.parse("2026-03-29T01:00:00Z");
    clock.set(gap.minus(Duration.ofDays(2)));
    define(vm("a"), "cron: \"0 30 1 * * ?\", zone: Europe/London");
    define(vm("b"), "cron: \"0 30 0 * * ?\", zone: Europe/London");
    define(vm("c"), "cron: \"0 30 1 * * ?\", zone: Europe/London, black-out: [2026-03-29]");
    define(vm("d"), "cron: \"0 30 1 * * ?\", zone: Europe/London");
    reload().run();
    schedules().pause(vm("d"));

    GapFires gaps = new GapFires(machines, fires, recorder(), clock);
    clock.set(gap.minusSeconds(1));
    gaps.round();
    List<FireRow> before =
        fires.page(Optional.empty(), Instant.EPOCH, PageRequest.first(9)).items();
    clock.set(gap.plusSeconds(70));
    gaps.round();
    new GapFires(machines, fires, recorder(), clock).round();

    assertThat(before).isEmpty();
    assertThat(fires.page(Optional.empty(), Instant.EPOCH, PageRequest.first(9)).items())
        .singleElement()
        .satisfies(fire -> {
          assertThat(fire.vmName()).isEqualTo(vm("a"));
          assertThat(fire.scheduledAt()).isEqualTo(gap);
          assertThat(fire.outcome()).isEqualTo(FireOutcome.QUEUED);
        });
  }

  @Test
  void gapOfOneThatCannotBeRecordedNowHoldsUpNoOther() throws Exception {
    Instant gap = Instant.parse("2026-03-29T01:00:00Z");
    clock.set(gap.minus(Duration.ofDays(2)));
    define(vm("a"), "cron: \"0 30 1 * * ?\", zone: Europe/London");
    define(vm("b"), "cron: \"0 30 1 * * ?\", zone: Europe/London");
    reload().run();
    clock.set(gap.plusSeconds(70));
    jobs.meanwhile = Optional.of(JobsDouble::databaseAway);

    assertThatThrownBy(() -> new GapFires(machines, fires, recorder(), clock).round())
        .isInstanceOf(TransientDataAccessException.class);

    assertThat(fire(vm("b")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  @Test
  void housekeepingForgetsOldFires() throws Exception {
    schedule(vm("a"), NIGHTLY);
    recorder().fire(id(vm("a")), DUE.minus(Duration.ofDays(1)));
    recorder().fire(id(vm("a")), DUE);

    assertThat(fires.trim(DUE)).isEqualTo(1);
    assertThat(fire(vm("a")).scheduledAt()).isEqualTo(DUE);
  }

  @Test
  void housekeepingOfOneKindThatFailsLeavesTheOthersDone() throws Exception {
    schedule(vm("a"), NIGHTLY);
    recorder().fire(id(vm("a")), DUE);
    jdbc.sql("update fires set scheduled_at = :old")
        .param("old", LocalDateTime.of(2020, 1, 1, 1, 0))
        .update();
    DataSource away = new DriverManagerDataSource("jdbc:h2:file:/nowhere/at/all;IFEXISTS=TRUE");

    HousekeepingJob job =
        new HousekeepingJob(
            new BatchHistory(away, new JdbcTransactionManager(away)),
            fires,
            new Replications(
                dataSource,
                transactions,
                new Tasks(dataSource, transactions, new Leases(dataSource, clock), clock),
                new Leases(dataSource, clock),
                clock),
            new Tasks(dataSource, transactions, new Leases(dataSource, clock), clock),
            new AuditTrail(dataSource, clock),
            SETTINGS);

    assertThatThrownBy(job::trim).isInstanceOf(DataAccessException.class);

    assertThat(fires.page(Optional.empty(), Instant.EPOCH, PageRequest.first(9)).items()).isEmpty();
  }
}
