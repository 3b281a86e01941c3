package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Status;
import dev.backstep.domain.TestVerdict;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.transaction.PlatformTransactionManager;

/** The numbers of a catalog, on any database. */
abstract class FigureContract {

  /** Leases go by the server's clock there, so that time cannot be any. */
  private final MovableClock clock = new MovableClock(Instant.now());

  private TestCatalog catalog;
  private FigureQueries figures;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeEach
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    figures = new FigureQueries(catalog.dataSource, catalog.leases);
  }

  @AfterEach
  void closeCatalog() {
    catalog.close();
  }

  private VmId machine(String name) {
    VmId vm = new VmId(name);
    catalog.machines.register(vm, name);
    return vm;
  }

  @Test
  void emptyCatalogHasNoFigures() {
    Figures now = figures.read();

    assertThat(now.machines()).isEmpty();
    assertThat(now.queue()).isEmpty();
    assertThat(now.running()).isEmpty();
    assertThat(now.leasesLive()).isZero();
    assertThat(now.leasesExpired()).isZero();
    assertThat(now.nextFire()).isEmpty();
  }

  @Test
  void aVmIsAsOldAsItsNewestRestorePoint() throws Exception {
    VmId vm = machine("a");
    machine("b");
    long lease = catalog.lease();
    catalog
        .jdbc
        .sql(
            """
            insert into schedules (vm_id, vm_name, file, definition, active_since)
            values ('a', 'a', 'a.yaml', 'vm: a', :now)\
            """)
        .param("now", UtcTime.of(clock.instant()))
        .update();
    Instant first = completed(vm, lease);
    clock.advance(Duration.ofMinutes(1));
    Instant second = completed(vm, lease);
    clock.advance(Duration.ofMinutes(1));
    catalog.begin(vm, lease);

    assertThat(second).isAfter(first);
    assertThat(figures.read().machines())
        .containsExactly(
            new Figures.Machine("a", true, Optional.of(second), Optional.empty()),
            new Figures.Machine("b", false, Optional.empty(), Optional.empty()));
  }

  private Instant completed(VmId vm, long lease) throws FencedException {
    return catalog.queries.backup(restorePoint(vm, lease)).createdAt();
  }

  private BackupId restorePoint(VmId vm, long lease) throws FencedException {
    BackupId id = catalog.begin(vm, lease);
    catalog.complete(catalog.disk(id, lease, 0), lease, "change-" + id);
    catalog.backups.sealed(id, lease, clock.instant(), Optional.empty());
    return id;
  }

  @Test
  void restorePointThatWasNotBootedLastIsCountedWhateverTheCause() throws Exception {
    long lease = catalog.lease();
    PlatformTransactionManager manager =
        Objects.requireNonNull(catalog.transaction.getTransactionManager());
    Tasks tasks = new Tasks(catalog.dataSource, manager, catalog.leases, clock);
    RestoreTests tests = new RestoreTests(catalog.dataSource, manager, tasks, clock);
    BackupId point = restorePoint(machine("a"), lease);

    String dead = tests.begin(point, "a", "{}", lease);
    assertThat(figures.read().failedTests()).as("it runs").isZero();
    tests.ended(dead, TestVerdict.FAILED, "nothing on the console");
    tasks.ended(dead, lease, Status.COMPLETED, Optional.empty());
    assertThat(figures.read().failedTests()).isEqualTo(1);
    clock.advance(Duration.ofMinutes(1));
    String alive = tests.begin(point, "a", "{}", lease);
    assertThat(figures.read().failedTests()).as("the next one runs").isEqualTo(1);
    tests.ended(alive, TestVerdict.PASSED, "");
    tasks.ended(alive, lease, Status.COMPLETED, Optional.empty());
    assertThat(figures.read().failedTests()).isZero();
    clock.advance(Duration.ofMinutes(1));
    String never = tests.begin(point, "a", "{}", lease);
    tasks.ended(never, lease, Status.FAILED, Optional.of("qemu-system-x86_64 is not installed"));

    assertThat(figures.read().failedTests()).as("a test that could not be done").isEqualTo(1);
  }

  @Test
  void backupsRunUnderLivingAndUnderEndedLeases() {
    catalog.begin(machine("a"), catalog.lease());
    long dead = catalog.leases.acquire(ProcessIdentity.current(), Duration.ofHours(1)).token();
    catalog.begin(machine("b"), dead);
    catalog
        .jdbc
        .sql("update leases set expires_at = :past where token = :token")
        .param("past", UtcTime.of(Instant.now().minusSeconds(3600)))
        .param("token", dead)
        .update();

    Figures now = figures.read();

    assertThat(now.running())
        .containsExactlyInAnyOrder(
            new Figures.Running(Mover.INTERNAL, true, 1),
            new Figures.Running(Mover.INTERNAL, false, 1));
    assertThat(now.leasesLive()).isEqualTo(1);
    assertThat(now.leasesExpired()).isEqualTo(1);
  }

  @Test
  void whatWaitsToBeGoneOnWithIsInTheQueue() {
    Instant due = figures.read().at().minusSeconds(5 * 3600);
    BackupId failed = catalog.begin(machine("a"), catalog.lease());
    BackupId stopped = catalog.begin(machine("b"), catalog.lease());
    BackupId left = catalog.begin(machine("c"), catalog.lease());
    waits(failed, "FAILED", due);
    waits(stopped, "STOPPED", due.plusSeconds(60));
    catalog
        .jdbc
        .sql("update backups set status = 'FAILED' where id = :id")
        .param("id", left.value())
        .update();

    Figures now = figures.read();

    assertThat(now.queue())
        .hasSize(2)
        .allSatisfy(waiting -> assertThat(waiting.waitingFor()).contains("a place"));
    assertThat(now.queueWait()).isBetween(Duration.ofHours(5), Duration.ofHours(6));
  }

  private void waits(BackupId id, String status, Instant start) {
    catalog
        .jdbc
        .sql(
            """
            update backups set status = :status, start_after = :start, waiting_for = 'a place'
            where id = :id\
            """)
        .param("status", status)
        .param("start", UtcTime.of(start))
        .param("id", id.value())
        .update();
  }

  @Test
  void aStartThatNoServerTakesIsLateAndOneOfAPausedScheduleIsNot() {
    Instant now = figures.read().at();
    catalog.trigger("coming", "WAITING", now.plusSeconds(3600));
    catalog.trigger("paused", "PAUSED", now.minusSeconds(7200));
    Duration onTime = figures.read().scheduleLag();
    catalog.trigger("late", "WAITING", now.minusSeconds(600));

    assertThat(onTime).isZero();
    assertThat(figures.read().scheduleLag()).isBetween(Duration.ofMinutes(10), Duration.ofHours(1));
  }

  @Test
  void theQueueTellsWhatItsBackupsWaitFor() {
    BackupId id = catalog.begin(machine("a"), catalog.lease());
    Instant start = clock.instant().plusSeconds(60);
    waits(id, "QUEUED", start);

    List<Figures.Waiting> queue = figures.read().queue();

    assertThat(queue)
        .singleElement()
        .satisfies(waiting -> {
          assertThat(waiting.startAfter())
              .contains(UtcTime.of(start).toInstant(java.time.ZoneOffset.UTC));
          assertThat(waiting.waitingFor()).contains("a place");
        });
  }
}
