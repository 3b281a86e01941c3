package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** What the catalog remembers of replications, on any database. */
abstract class ReplicationContract extends ReplicationTest {

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
}
