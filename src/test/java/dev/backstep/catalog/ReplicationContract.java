package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Reason;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** What the catalog remembers of replications, on any database. */
abstract class ReplicationContract {

  private static final VmId WEB = new VmId("web");
  private static final DiskKey KEY = new DiskKey("2000");
  private static final String PATH = "/dc/vm/Büro 1/web";

  private final MovableClock clock = new MovableClock(Instant.now());

  private TestCatalog catalog;
  private Tasks tasks;
  private Replications replications;
  private Replicas replicas;
  private Restores restores;
  private MovedReplications moved;
  private ReplicationQueries queries;
  private long lease;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeEach
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    tasks = new Tasks(catalog.dataSource, manager, catalog.leases, clock);
    replications = new Replications(catalog.dataSource, manager, tasks, catalog.leases, clock);
    replicas = new Replicas(catalog.dataSource, manager, tasks, clock);
    restores = new Restores(catalog.dataSource, manager, tasks);
    moved = new MovedReplications(catalog.dataSource, manager, clock);
    queries =
        new ReplicationQueries(
            catalog.dataSource, new TaskQueries(catalog.dataSource, catalog.leases));
    lease = catalog.lease();
    catalog.machines.register(WEB, "web");
  }

  @AfterEach
  void closeCatalog() {
    catalog.close();
  }

  private String begin() {
    return replications.begin(
        new Replications.NewRun(WEB, "web", "web", RequestedLevel.AUTO, false, "{}", lease));
  }

  /** A run of one disk whose snapshot is open. */
  private String opened() throws Exception {
    String run = begin();
    replications.forgetDisks(run, lease);
    replications.snapshotOpened(run, lease, "handle", clock.instant(), clock.instant());
    replications.addDisk(run, 0, KEY, Optional.of("/dr/web.raw"), 1000);
    return run;
  }

  private void begun(String run, Reason reason) throws FencedException {
    replicas.planned(run, lease, 0, new Replicas.Plan(reason, "", changeId(), 500));
    replicas.begun(run, lease, KEY, "/dr/web.raw", reason == Reason.CHANGED_EXTENTS);
  }

  private void complete(String run, String changeId) throws FencedException {
    replicas.completed(
        run,
        lease,
        0,
        KEY,
        new Replicas.Held(
            Optional.of(new ChangeId(changeId)), "existing 7 1000 9", 1000, clock.instant(), 0));
  }

  private String completed(String changeId, Reason reason) throws Exception {
    String run = opened();
    take(run);
    begun(run, reason);
    complete(run, changeId);
    tasks.ended(run, lease, Status.COMPLETED, Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    return run;
  }

  private Optional<ChangeId> changeId() {
    return queries.replica("web", KEY).flatMap(ReplicaDisk::changeId);
  }

  @Test
  void changeIdIsSeenOnlyWhenItsDiskIsComplete() throws Exception {
    String run = opened();
    assertThat(queries.replica("web", KEY)).isEmpty();

    begun(run, Reason.NO_BASELINE);
    assertThat(changeId()).isEmpty();
    replicas.progress(run, lease, 0, 300, 200);
    assertThat(changeId()).isEmpty();
    complete(run, "52 66/1");

    ReplicaDisk held = queries.replica("web", KEY).orElseThrow();
    assertThat(held.changeId()).contains(new ChangeId("52 66/1"));
    assertThat(held.state()).isEqualTo(ReplicaState.WHOLE);
    assertThat(held.run()).contains(run);
    ReplicationRun row = queries.run(run).orElseThrow();
    assertThat(row.disks().getFirst().changeId()).contains(new ChangeId("52 66/1"));
    assertThat(row.disks().getFirst().bytesWritten()).isEqualTo(200);
    assertThat(row.task().orElseThrow().bytesTotal()).isEqualTo(500);
  }

  @Test
  void incrementalKeepsWhatItAskedAboutAndFullForgetsIt() throws Exception {
    completed("one", Reason.NO_BASELINE);

    String run = opened();
    begun(run, Reason.CHANGED_EXTENTS);
    ReplicaDisk partial = queries.replica("web", KEY).orElseThrow();
    assertThat(partial.state()).isEqualTo(ReplicaState.PARTIAL);
    assertThat(partial.changeId()).contains(new ChangeId("one"));

    begun(run, Reason.CBT_AUDIT_FAILED);
    assertThat(changeId()).isEmpty();
    assertThat(queries.replica("web", KEY).orElseThrow().identity()).isEmpty();
    complete(run, "two");
    assertThat(changeId()).contains(new ChangeId("two"));

    replicas.compared(run, lease, 0, KEY, 1000, 64);
    assertThat(changeId()).as("a target that differs holds nothing").isEmpty();
  }

  @Test
  void auditAndComparisonCountApart() throws Exception {
    completed("one", Reason.NO_BASELINE);
    String run = opened();
    begun(run, Reason.CBT_AUDIT_FAILED);
    replicas.audited(run, lease, 0, 400, 128);
    begun(run, Reason.CBT_AUDIT_FAILED);
    complete(run, "two");

    replicas.compared(run, lease, 0, KEY, 1000, 0);

    ReplicationRunDisk disk = queries.run(run).orElseThrow().disks().getFirst();
    assertThat(disk.bytesAudited()).isEqualTo(400);
    assertThat(disk.auditBytesDiffering()).isEqualTo(128);
    assertThat(disk.bytesCompared()).isEqualTo(1000);
    assertThat(disk.differs()).isFalse();
    assertThat(changeId()).contains(new ChangeId("two"));
  }

  @Test
  void whoLostItsLeaseWritesNothing() throws Exception {
    completed("one", Reason.NO_BASELINE);
    String run = opened();
    begun(run, Reason.CHANGED_EXTENTS);

    catalog.leases.release(lease);

    assertThatThrownBy(() -> complete(run, "two")).isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> tasks.check(run, lease)).isInstanceOf(FencedException.class);
    assertThat(changeId()).contains(new ChangeId("one"));
  }

  @Test
  void backupsAndReplicationsOfAVmTakeTurns() throws Exception {
    String run = begin();
    assertThatThrownBy(() -> catalog.begin(WEB, lease))
        .isInstanceOf(VmBusyException.class)
        .hasMessageContaining("replicated by " + run);
    assertThatThrownBy(this::begin).isInstanceOf(VmBusyException.class);
    tasks.ended(run, lease, Status.STOPPED, Optional.empty());

    BackupId backup = catalog.begin(WEB, lease);
    assertThatThrownBy(this::begin)
        .isInstanceOf(VmBusyException.class)
        .hasMessageContaining(backup.value());
    assertThatThrownBy(() -> tasks.resume(run, lease)).isInstanceOf(VmBusyException.class);
    catalog.backups.ended(backup, lease, Status.STOPPED, Optional.empty());

    assertThat(tasks.resume(run, lease)).isTrue();
    assertThatThrownBy(() -> catalog.backups.resume(backup, lease))
        .isInstanceOf(VmBusyException.class);
  }

  @Test
  void queuedBackupWaitsForAReplication() {
    String run = begin();
    BackupQueue queue =
        new BackupQueue(catalog.dataSource, new JdbcTransactionManager(catalog.dataSource), clock);
    queue.add(
        new BackupQueue.Request(
            WEB,
            TestCatalog.REPOSITORY,
            RequestedLevel.AUTO,
            "vm: web",
            Launch.byApi("me", List.of()),
            Continuations.Retries.NONE));

    assertThat(queue.due(clock.instant().plusSeconds(1)).getFirst().busyWith())
        .contains(new BackupId(run));
    tasks.ended(run, lease, Status.COMPLETED, Optional.empty());
    assertThat(queue.due(clock.instant().plusSeconds(1)).getFirst().busyWith()).isEmpty();
  }

  @Test
  void changeIdsOfBackupsAndReplicationsNeverMeet() throws Exception {
    completed("of the replica", Reason.NO_BASELINE);
    BackupId backup = catalog.begin(WEB, lease);
    DiskBackupId disk = catalog.disk(backup, lease, 0);
    catalog.complete(disk, lease, "of the backup");
    catalog.backups.sealed(backup, lease, clock.instant(), Optional.empty());

    assertThat(changeId()).contains(new ChangeId("of the replica"));
    assertThat(catalog.queries.changeId("web", 0, Optional.empty()).orElseThrow().changeId())
        .contains(new ChangeId("of the backup"));
    completed("of the next", Reason.CHANGED_EXTENTS);
    assertThat(catalog.queries.changeId("web", 0, Optional.empty()).orElseThrow().changeId())
        .contains(new ChangeId("of the backup"));
  }

  @Test
  void newSnapshotForgetsThoseOfRunsBefore() throws Exception {
    String first = opened();
    tasks.ended(first, lease, Status.FAILED, Optional.of("power"));
    clock.advance(Duration.ofSeconds(1));
    assertThat(queries.snapshotsToClose(clock.instant()))
        .extracting(ReplicationRun::id)
        .containsExactly(first);

    String second = opened();

    assertThat(queries.run(first).orElseThrow().snapshotHandle()).isEmpty();
    assertThat(queries.run(second).orElseThrow().snapshotHandle()).contains("handle");
    assertThat(queries.snapshotsToClose(clock.instant().plusSeconds(9))).isEmpty();
    tasks.ended(second, lease, Status.COMPLETED, Optional.empty());
    assertThat(queries.snapshotsToClose(clock.instant()))
        .extracting(ReplicationRun::id)
        .containsExactly(second);
  }

  /** What lists them may have waited minutes for a source before it comes to the last. */
  @Test
  void snapshotIsNotLetGoBesideARunOfTheSameVm() throws Exception {
    String first = opened();
    tasks.ended(first, lease, Status.FAILED, Optional.of("power"));
    clock.advance(Duration.ofSeconds(1));
    String second = begin();

    assertThat(replications.beginRelease(first, lease, clock.instant())).isFalse();
    tasks.ended(second, lease, Status.FAILED, Optional.empty());
    tasks.resume(first, lease);
    assertThat(replications.beginRelease(first, lease, clock.instant())).isFalse();
    tasks.ended(first, lease, Status.FAILED, Optional.empty());

    assertThat(replications.beginRelease(first, lease, clock.instant())).isTrue();
    replications.endRelease(first, lease, true);
    assertThat(replications.beginRelease(first, lease, clock.instant())).as("it is gone").isFalse();
  }

  @Test
  void runSeesThatTheSnapshotOfAnEarlierOneIsLetGo() throws Exception {
    String first = opened();
    tasks.ended(first, lease, Status.FAILED, Optional.of("power"));
    clock.advance(Duration.ofSeconds(1));
    long other = catalog.lease();
    replications.beginRelease(first, other, clock.instant());
    RepositoryId replication = queries.run(begin()).orElseThrow().replication();

    assertThat(replications.released(replication)).contains(first);
    assertThat(queries.run(first).orElseThrow().snapshotHandle()).isPresent();
    replications.endRelease(first, lease, true);
    assertThat(replications.released(replication)).as("only its own").contains(first);
    replications.endRelease(first, other, false);
    assertThat(replications.released(replication)).isEmpty();
    assertThat(queries.run(first).orElseThrow().snapshotHandle()).isPresent();
  }

  @Test
  void whoDiesWhileItLetsASnapshotGoHoldsUpNobody() throws Exception {
    String first = opened();
    tasks.ended(first, lease, Status.FAILED, Optional.of("power"));
    clock.advance(Duration.ofSeconds(1));
    long other = catalog.lease();
    RepositoryId replication = queries.run(first).orElseThrow().replication();
    replications.beginRelease(first, other, clock.instant());
    assertThat(replications.beginRelease(first, lease, clock.instant()))
        .as("another one lives and is at it")
        .isFalse();

    catalog.leases.release(other);

    assertThat(replications.released(replication)).isEmpty();
    assertThat(replications.beginRelease(first, lease, clock.instant())).isTrue();
    replications.endRelease(first, other, true);
    assertThat(replications.released(replication)).contains(first);
  }

  @Test
  void oldRunsAreForgottenButForThoseThatTargetsAreFrom() throws Exception {
    String first = completed("one", Reason.NO_BASELINE);
    String second = completed("two", Reason.CHANGED_EXTENTS);
    clock.advance(Duration.ofDays(100));

    assertThat(replications.trim(clock.instant().minus(Duration.ofDays(90)))).isEqualTo(1);

    assertThat(queries.run(first)).isEmpty();
    assertThat(queries.run(second)).isPresent();
    assertThat(changeId()).contains(new ChangeId("two"));
  }

  @Test
  void targetIsOneDisksOnly() throws Exception {
    completed("one", Reason.NO_BASELINE);
    VmId other = new VmId("other");
    catalog.machines.register(other, "other");
    String run =
        replications.begin(
            new Replications.NewRun(
                other, "other", "other", RequestedLevel.AUTO, false, "{}", lease));
    replications.addDisk(run, 0, KEY, Optional.of("/dr/web.raw"), 1000);

    assertThatThrownBy(() -> replicas.begun(run, lease, KEY, "/dr/web.raw", false))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("disk 2000 of web");
  }

  @Test
  void targetThatARestoreWasBegunOntoHoldsNothingAnyMore() throws Exception {
    completed("one", Reason.NO_BASELINE);
    completed("two", Reason.CHANGED_EXTENTS);
    assertThat(changeId()).contains(new ChangeId("two"));
    String restore = restored("/dr/web.raw");

    String run = opened();
    take(run);

    ReplicaDisk lost = queries.replica("web", KEY).orElseThrow();
    assertThat(lost.changeId()).isEmpty();
    assertThat(lost.identity()).isEmpty();
    assertThat(lost.state()).isEqualTo(ReplicaState.PARTIAL);
    assertThat(lost.writtenBy()).contains(restore);
    take(run);
    assertThat(queries.replica("web", KEY).orElseThrow().writtenBy())
        .as("as long as nothing was copied")
        .contains(restore);
    begun(run, Reason.BASE_FAILED_VERIFY);
    complete(run, "three");
    tasks.ended(run, lease, Status.COMPLETED, Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    restored("/dr/other.raw");

    take(opened());
    assertThat(changeId()).contains(new ChangeId("three"));
    assertThat(queries.replica("web", KEY).orElseThrow().writtenBy()).isEmpty();
  }

  @Test
  void runThatARestoreCameBetweenIsPlannedAnew() throws Exception {
    String run = opened();
    take(run);
    begun(run, Reason.NO_BASELINE);
    tasks.ended(run, lease, Status.FAILED, Optional.empty());
    String restore = restored("/dr/web.raw");

    assertThat(tasks.resume(run, lease)).isTrue();
    take(run);

    assertThat(queries.run(run).orElseThrow().disks().getFirst().reason()).isEmpty();
    assertThat(queries.replica("web", KEY).orElseThrow().writtenBy()).contains(restore);
    assertThatThrownBy(() -> tasks.resume(restore, lease))
        .as("the run writes over what it has written")
        .isInstanceOf(SupersededException.class)
        .hasMessageContaining(run);
  }

  @Test
  void targetIsWrittenByARestoreOrARun() throws Exception {
    String run = opened();
    take(run);
    assertThatThrownBy(() -> restore("/dr/web.raw"))
        .isInstanceOf(TargetBusyException.class)
        .hasMessageContaining(run);
    tasks.ended(run, lease, Status.STOPPED, Optional.empty());
    String restore = restore("/dr/web.raw");

    assertThat(tasks.resume(run, lease)).isTrue();
    assertThatThrownBy(() -> take(run))
        .isInstanceOf(TargetBusyException.class)
        .hasMessageContaining(restore);
    tasks.ended(restore, lease, Status.COMPLETED, Optional.empty());
    take(run);
  }

  private void take(String run) throws FencedException {
    replicas.take(run, lease, 0, KEY, "/dr/web.raw", Set.of("/dr/web.raw"));
  }

  private String restore(String target) {
    BackupId backup = new BackupId("backup-web-20260304-050607");
    return restores.begin(
        backup, "web", List.of(), Map.of(target, target), Optional.empty(), lease);
  }

  /** One that failed: something of it may be there. */
  private String restored(String target) {
    String id = restore(target);
    tasks.ended(id, lease, Status.FAILED, Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    return id;
  }

  @Test
  void moverCompletesItsDisksOneByOneAndAgainChangesNothing() {
    DiskKey second = new DiskKey("2001");
    String job = moved.begin(PATH, Optional.of("job-17"), List.of(KEY, second));
    assertThat(job).isEqualTo("job-17");
    assertThat(moved.begin(PATH, Optional.of("job-17"), List.of(second, KEY))).isEqualTo(job);

    assertThat(moved.complete(job, KEY, new ChangeId("a/1"), Optional.empty())).isTrue();
    assertThat(moved.complete(job, KEY, new ChangeId("a/1"), Optional.empty())).isFalse();
    assertThatThrownBy(() -> moved.complete(job, KEY, new ChangeId("a/2"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("a/1");
    assertThat(queries.run(job).orElseThrow().status()).isEqualTo(Status.RUNNING);
    assertThat(moved.complete(job, second, new ChangeId("b/1"), Optional.empty())).isTrue();

    assertThat(queries.run(job).orElseThrow().status()).isEqualTo(Status.COMPLETED);
    assertThat(queries.replicas(PATH))
        .extracting(disk -> disk.changeId().orElseThrow().value())
        .containsExactly("a/1", "b/1");
    assertThat(moved.complete(job, KEY, new ChangeId("a/1"), Optional.empty()))
        .as("also when the job is at its end")
        .isFalse();
    assertThatThrownBy(() -> moved.complete(job, KEY, new ChangeId("a/3"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class);
  }

  @Test
  void targetsComeByPathAndKeyInPages() {
    List<String> paths = List.of("/a b", "/a b c", "/ä".repeat(300));
    for (String path : paths) {
      String job =
          moved.begin(path, Optional.empty(), List.of(new DiskKey("c 0"), new DiskKey("d")));
      moved.complete(job, new DiskKey("d"), new ChangeId("x"), Optional.empty());
      moved.complete(job, new DiskKey("c 0"), new ChangeId("x"), Optional.empty());
    }
    List<String> all =
        paths.stream().flatMap(path -> Stream.of(path + ": c 0", path + ": d")).toList();

    for (int limit = 1; limit <= 7; limit++) {
      assertThat(targets(Optional.empty(), limit)).as("pages of %s", limit).isEqualTo(all);
    }
    assertThat(targets(Optional.of("/a b c"), 1)).isEqualTo(all.subList(2, 4));
    String place = queries.page(Optional.empty(), PageRequest.first(1)).next().orElseThrow();
    assertThatThrownBy(
            () -> queries.replicas(Optional.empty(), new PageRequest(Optional.of(place), 1)))
        .as("the place in another list")
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Page by page. */
  private List<String> targets(Optional<String> path, int limit) {
    List<String> targets = new ArrayList<>();
    Optional<String> after = Optional.empty();
    do {
      Page<ReplicaDisk> page = queries.replicas(path, new PageRequest(after, limit));
      page.items().forEach(disk -> targets.add(disk.vmPath() + ": " + disk.diskKey().value()));
      after = page.next();
    } while (after.isPresent());
    return targets;
  }

  @Test
  void moverIsRefusedWhatContradictsWhatIsKnown() {
    String job = moved.begin(PATH, Optional.empty(), List.of(KEY));
    assertThat(job).startsWith("replication-");
    assertThatThrownBy(() -> moved.begin(PATH, Optional.empty(), List.of(KEY)))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining(job);
    assertThatThrownBy(() -> moved.begin(PATH, Optional.of(job), List.of(new DiskKey("other"))))
        .isInstanceOf(ReplicationConflictException.class);
    assertThatThrownBy(() -> moved.begin("/elsewhere", Optional.of(job), List.of(KEY)))
        .isInstanceOf(ReplicationConflictException.class);
    assertThatThrownBy(() -> moved.complete("nobody", KEY, new ChangeId("a"), Optional.empty()))
        .isInstanceOf(NoSuchElementException.class);
    assertThatThrownBy(
            () -> moved.complete(job, new DiskKey("9"), new ChangeId("a"), Optional.empty()))
        .isInstanceOf(NoSuchElementException.class)
        .hasMessageContaining("disk-2000");

    moved.abandon(job);

    assertThatThrownBy(() -> moved.complete(job, KEY, new ChangeId("a"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("ABANDONED");
    assertThat(queries.replica(PATH, KEY)).isEmpty();
    String next = moved.begin(PATH, Optional.empty(), List.of(KEY));
    moved.complete(next, KEY, new ChangeId("a"), Optional.empty());
    assertThatThrownBy(() -> moved.abandon(next)).isInstanceOf(ReplicationConflictException.class);
    String third = moved.begin(PATH, Optional.empty(), List.of(KEY));
    assertThatThrownBy(
            () -> moved.complete(third, KEY, new ChangeId("c"), Optional.of(new ChangeId("b"))))
        .as("a step that is missing")
        .isInstanceOf(ReplicationConflictException.class);
    assertThat(moved.complete(third, KEY, new ChangeId("c"), Optional.of(new ChangeId("a"))))
        .isTrue();
  }

  @Test
  void whoReplicatesAVmStaysTheSame() throws Exception {
    moved.begin(PATH, Optional.empty(), List.of(KEY));
    assertThatThrownBy(() ->
            replications.begin(
                new Replications.NewRun(WEB, PATH, "web", RequestedLevel.AUTO, false, "{}", lease)))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("outside");
    String run = completed("one", Reason.NO_BASELINE);
    assertThatThrownBy(() -> moved.begin("web", Optional.empty(), List.of(KEY)))
        .isInstanceOf(ReplicationConflictException.class);
    assertThat(moved.complete(run, KEY, new ChangeId("one"), Optional.empty())).isFalse();
    assertThatThrownBy(() -> moved.complete(run, KEY, new ChangeId("two"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class);
    assertThat(queries.replica("web", KEY).orElseThrow().mover()).isEqualTo(Mover.INTERNAL);
    assertThat(changeId()).contains(new ChangeId("one"));
  }

  @Test
  void ofTwoMoversAtOnceOneWins() throws Exception {
    for (int round = 0; round < 10; round++) {
      String job = moved.begin(PATH, Optional.empty(), List.of(KEY));
      CountDownLatch go = new CountDownLatch(1);
      List<Future<Boolean>> answers = new ArrayList<>();
      try (ExecutorService movers = Executors.newFixedThreadPool(4)) {
        for (int mover = 0; mover < 4; mover++) {
          ChangeId changeId = new ChangeId(round + "/" + mover);
          answers.add(
              movers.submit(() -> {
                go.await();
                try {
                  return moved.complete(job, KEY, changeId, Optional.empty());
                } catch (ReplicationConflictException e) {
                  return false;
                }
              }));
        }
        go.countDown();
      }
      int winners = 0;
      for (int mover = 0; mover < 4; mover++) {
        if (answers.get(mover).get()) {
          winners++;
          assertThat(queries.replica(PATH, KEY).orElseThrow().changeId())
              .contains(new ChangeId(round + "/" + mover));
        }
      }
      assertThat(winners).isEqualTo(1);
      clock.advance(Duration.ofSeconds(1));
    }
    assertThat(queries.page(Optional.of(PATH), PageRequest.first(4)).items()).hasSize(4);
  }
}
