package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** Which restore may write where, on any database. Each test has targets of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RestoreContract {

  private static final BackupId BACKUP = new BackupId("backup-web-20260304-050607");
  private static final int ROUNDS = 20;
  private static final AtomicInteger TESTS = new AtomicInteger();

  private final MovableClock clock = new MovableClock(Instant.now());

  private TestCatalog catalog;
  private Tasks tasks;
  private Restores restores;
  private long lease;
  private String folder = "";

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeAll
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    tasks = new Tasks(catalog.dataSource, manager, catalog.leases, clock);
    restores = new Restores(catalog.dataSource, manager, tasks);
    lease = catalog.lease();
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @BeforeEach
  void nextFolder() {
    folder = "/dev/" + TESTS.incrementAndGet() + "/";
    clock.advance(Duration.ofSeconds(1));
  }

  private String begin(String... names) {
    Map<String, String> places =
        Stream.of(names)
            .collect(Collectors.toMap(name -> folder + name, name -> name + " as said"));
    return restores.begin(BACKUP, "web", List.of(), places, Optional.empty(), lease);
  }

  private String ended(Status status, String... names) {
    String id = begin(names);
    tasks.ended(id, lease, status, Optional.empty());
    return id;
  }

  @Test
  void disksAreKnownAsTheyWereBegun() throws Exception {
    RestoredDisk disk =
        new RestoredDisk(
            3,
            new DiskKey("2003"),
            new DiskBackupId("backup-web-disk3-20260304-050607"),
            "/r/a.qcow2",
            Optional.empty(),
            Optional.empty(),
            1000,
            2,
            "existing",
            "/dev/vg/web",
            "ALL",
            false,
            0,
            0,
            0);

    String id =
        restores.begin(
            BACKUP, "web", List.of(disk), Map.of("/dev/vg/web", "web"), Optional.empty(), lease);

    assertThat(restores.disks(id)).containsExactly(disk);
    restores.begun(id, 3, 500);
    restores.progress(id, lease, 3, 400, 300);
    assertThat(restores.disks(id).getFirst().begun()).isTrue();
    assertThat(restores.disks(id).getFirst().bytesWritten()).isEqualTo(300);
  }

  @Test
  void targetIsWrittenByOneRestoreAtATime() {
    String first = begin("a", "b");

    assertThatThrownBy(() -> begin("c", "b"))
        .isInstanceOf(TargetBusyException.class)
        .hasMessageStartingWith("b as said is being written by " + first);
    assertThatThrownBy(() -> begin("b")).as("rolled back").hasMessageContaining(first);

    begin("c");
    tasks.ended(first, lease, Status.COMPLETED, Optional.empty());
    begin("b");
  }

  @Test
  void olderRestoreDoesNotGoOnOverANewerOne() {
    String older = ended(Status.FAILED, "a", "b");
    String newer = ended(Status.COMPLETED, "b");
    assertThat(restores.supersededBy(older)).contains(newer);
    assertThat(restores.supersededBy(newer)).isEmpty();

    assertThatThrownBy(() -> tasks.resume(older, lease))
        .isInstanceOf(SupersededException.class)
        .hasMessageContainingAll(older, newer, "restore again");

    assertThat(status(older)).as("rolled back").isEqualTo("FAILED");
  }

  /** It may have written something, and goes on itself. */
  @Test
  void newerRestoreThatFailedOrRunsCountsAsWell() {
    String older = ended(Status.STOPPED, "a");
    String newer = ended(Status.FAILED, "a");

    assertThatThrownBy(() -> tasks.resume(older, lease)).isInstanceOf(SupersededException.class);

    assertThat(tasks.resume(newer, lease)).isTrue();
    assertThatThrownBy(() -> tasks.resume(older, lease)).isInstanceOf(SupersededException.class);
  }

  /** The clock has no part in which one is the newer. */
  @Test
  void restoreGoesOnOverOlderOnesAndBesideOthers() {
    ended(Status.FAILED, "a");
    clock.set(clock.instant().minusSeconds(3600));
    String newest = ended(Status.FAILED, "a", "link");
    ended(Status.COMPLETED, "b");

    assertThat(tasks.resume(newest, lease)).isTrue();
    assertThat(tasks.resume(newest, lease)).as("it runs").isFalse();
  }

  @Test
  void restoreThatDidNotNoteItsTargetsIsNotGoneOnWith() {
    String old = ended(Status.FAILED, "a");
    catalog.jdbc.sql("delete from restore_targets where task_id = :id").param("id", old).update();

    assertThatThrownBy(() -> tasks.resume(old, lease))
        .isInstanceOf(SupersededException.class)
        .hasMessageContainingAll(old, "earlier release");
  }

  @Test
  void restoreThatIsCompletedIsNoMatterOfTargets() {
    String older = ended(Status.COMPLETED, "a");
    ended(Status.COMPLETED, "a");

    assertThat(tasks.resume(older, lease)).isFalse();
  }

  @Test
  void otherTasksGoOnWhileARestoreIsDecidedAbout() {
    String prune = tasks.begin(TaskKind.PRUNE, "all", "{}", lease);
    tasks.ended(prune, lease, Status.FAILED, Optional.empty());

    assertThat(tasks.resume(prune, lease)).isTrue();
  }

  @Test
  void machineThatIsWrittenOverIsNotBackedUpMeanwhile() throws Exception {
    VmId web = new VmId("web");
    catalog.machines.register(web, "web");
    String restore = onto(web);

    assertThatThrownBy(() -> catalog.begin(web, lease))
        .isInstanceOf(VmBusyException.class)
        .hasMessageContaining("web is being written over by " + restore);
    tasks.ended(restore, lease, Status.FAILED, Optional.empty());
    BackupId backup = catalog.begin(web, lease);
    assertThatThrownBy(() -> onto(web))
        .isInstanceOf(VmBusyException.class)
        .hasMessageContaining(backup.value());
    assertThatThrownBy(() -> tasks.resume(restore, lease)).isInstanceOf(VmBusyException.class);
    catalog.backups.ended(backup, lease, Status.STOPPED, Optional.empty());
    assertThat(tasks.resume(restore, lease)).isTrue();
    assertThatThrownBy(() -> catalog.backups.resume(backup, lease))
        .isInstanceOf(VmBusyException.class);

    String unknown = onto(new VmId("in-no-catalog"));
    tasks.ended(unknown, lease, Status.FAILED, Optional.empty());
    assertThat(tasks.resume(unknown, lease)).isTrue();
  }

  private String onto(VmId vm) {
    Map<String, String> places = Map.of(folder + vm, "web");
    return restores.begin(BACKUP, "web", List.of(), places, Optional.of(vm), lease);
  }

  @Test
  void namesMayBeAsLongAsPathsAre() {
    String name = "ä".repeat(3999);
    String older = ended(Status.FAILED, name);
    String newer = ended(Status.FAILED, name);

    assertThat(restores.supersededBy(older)).contains(newer);
  }

  @Test
  void allThatBeginInOneSecondHaveAnIdOfTheirOwn() throws Exception {
    List<Callable<Boolean>> begins = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String target = "one-second-" + i;
      begins.add(() -> begin(target).startsWith("restore-"));
    }

    assertThat(atOnce(begins)).hasSize(8).containsOnly(true);
  }

  /** Whoever is first, never both. */
  @Test
  void relaunchAndNewRestoreAtOnceNeverWriteBoth() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      String target = "at-once-" + round;
      String older = ended(Status.FAILED, target);
      clock.set(clock.instant().plusSeconds(1));

      List<Boolean> runs =
          atOnce(List.of(() -> tasks.resume(older, lease), () -> !begin(target).isEmpty()));

      assertThat(runs).containsExactlyInAnyOrder(true, false);
      clock.set(clock.instant().plusSeconds(1));
    }
  }

  /** What does not run says so by one of the two exceptions. */
  private static List<Boolean> atOnce(List<Callable<Boolean>> works) throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(works.size());
    try (ExecutorService threads = Executors.newFixedThreadPool(works.size())) {
      List<Future<Boolean>> answers =
          works.stream()
              .map(work ->
                  threads.submit(() -> {
                    barrier.await();
                    try {
                      return work.call();
                    } catch (TargetBusyException | SupersededException e) {
                      return false;
                    }
                  }))
              .toList();
      List<Boolean> said = new ArrayList<>();
      for (Future<Boolean> answer : answers) {
        said.add(answer.get());
      }
      return said;
    }
  }

  private String status(String id) {
    return catalog
        .jdbc
        .sql("select status from tasks where id = :id")
        .param("id", id)
        .query(String.class)
        .single();
  }
}
