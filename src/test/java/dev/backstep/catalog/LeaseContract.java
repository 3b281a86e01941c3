package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.REPOSITORY;
import static dev.backstep.catalog.TestCatalog.plan;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.springframework.transaction.UnexpectedRollbackException;

/** What the catalog promises of leases, and of snapshots whose owner may die, on any database. */
abstract class LeaseContract extends CatalogTest {

  // Leases

  @Test
  void refusesCompletionAfterTheLeaseEnded() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.leases.check(lease, id);
    endLease(lease);

    assertThatThrownBy(() -> catalog.complete(disk, lease, "c1"))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.leases.check(lease, id)).isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.leases.renew(lease, LEASE))
        .isInstanceOf(FencedException.class);
    assertThat(catalog.queries.disk(id, 0).changeId()).isEmpty();
    assertThat(catalog.queries.ownerAlive(id)).isFalse();
  }

  @Test
  void refusesTheFormerOwnerAfterATakeover() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.complete(catalog.disk(id, lease, 1), lease, "c1");
    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("owner slept"));
    long other = catalog.lease();
    catalog.backups.resume(id, other);
    catalog.backups.continued(disk, other);

    assertThatThrownBy(() -> catalog.complete(disk, lease, "stale"))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining("lease " + other);
    assertThatThrownBy(() -> catalog.backups.progress(disk, lease, 1, 1, 1))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.backups.sealed(id, lease, START, Optional.empty()))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> catalog.backups.planned(disk, lease, plan(Reason.REQUESTED)))
        .isInstanceOf(FencedException.class);
    catalog.backups.failDisk(disk, lease, "stale");

    assertThat(catalog.queries.disk(id, 0).status()).isEqualTo(Status.RUNNING);
    catalog.complete(disk, other, "fresh");
    assertThat(catalog.queries.disk(id, 0).changeId()).contains(new ChangeId("fresh"));
  }

  @Test
  void refusedCompletionRollsBackTheWholeChunk() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    endLease(lease);

    assertThatThrownBy(() ->
            catalog.transaction.executeWithoutResult(status -> {
              unchecked(() -> catalog.backups.progress(disk, lease, 30, 20, 10));
              assertThatThrownBy(() -> catalog.complete(disk, lease, "c1"))
                  .isInstanceOf(FencedException.class);
            }))
        .isInstanceOf(UnexpectedRollbackException.class);

    assertThat(catalog.queries.disk(id, 0).bytesRead()).isZero();
  }

  @Test
  void renewedAndReleasedLeases() throws Exception {
    catalog.leases.renew(lease, Duration.ofHours(1));
    assertThat(catalog.leases.alive(lease)).isTrue();

    catalog.leases.release(lease);
    catalog.leases.release(lease);

    assertThat(catalog.leases.alive(lease)).isFalse();
    assertThat(catalog.lease()).isGreaterThan(lease);
  }

  @Test
  void leaseOfAProcessThatIsGoneIsDeadAtOnce() throws Exception {
    Process child = new ProcessBuilder("sleep", "60").start();
    ProcessIdentity self = ProcessIdentity.current();
    String childStart = ProcessIdentity.startOf(child.pid());
    ProcessIdentity running = new ProcessIdentity(self.host(), child.pid(), childStart);
    ProcessIdentity reused = new ProcessIdentity(self.host(), child.pid(), childStart + "1");
    ProcessIdentity elsewhere = new ProcessIdentity("other-host", child.pid(), childStart + "1");
    long alive = catalog.leases.acquire(running, LEASE).token();
    BackupId id = catalog.begin(vm, alive);

    assertThat(catalog.leases.alive(catalog.leases.acquire(reused, LEASE).token())).isFalse();
    assertThat(catalog.leases.alive(catalog.leases.acquire(elsewhere, LEASE).token())).isTrue();
    assertThat(catalog.queries.ownerAlive(id)).isTrue();
    child.destroyForcibly().onExit().join();

    assertThat(catalog.queries.ownerAlive(id)).isFalse();
    assertThat(catalog.queries.running()).extracting(BackupRow::id).contains(id);
  }

  // Snapshots

  @Test
  void remembersSnapshotsUntilTheyAreClosed() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    Instant keep = START.plus(Duration.ofDays(1));
    String handle = "{\"sub\": \"" + "ü".repeat(60_000) + "\"}";
    assertThat(catalog.backups.snapshotOpened(id, lease, "old", START, START)).isEqualTo(1);
    assertThat(catalog.backups.snapshotOpened(id, lease, handle, START, keep)).isEqualTo(2);

    assertThat(catalog.queries.unfinished(REPOSITORY, vm)).isEmpty();
    assertThat(past(keep.plusMillis(1))).isEmpty();
    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("broke"));

    assertThat(catalog.queries.unfinished(REPOSITORY, vm))
        .singleElement()
        .satisfies(row -> assertThat(row.snapshotHandle()).contains(handle));
    assertThat(past(keep)).isEmpty();
    assertThat(past(keep.plusMillis(1))).containsExactly(id);
    catalog.backups.snapshotClosed(id);

    assertThat(past(keep.plusMillis(1))).isEmpty();
    assertThat(catalog.queries.unfinished(REPOSITORY, vm)).isEmpty();
    assertThat(catalog.queries.backup(id).snapshotTakenAt()).contains(START);
    assertThat(catalog.queries.backup(id).snapshotNo()).isEqualTo(2);
  }

  @Test
  void lostSnapshotMovesCompletedDisksOutOfTheBackup() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId kept = catalog.disk(id, lease, 0);
    catalog.complete(kept, lease, "c1");
    catalog.disk(id, lease, 1);

    Optional<BackupId> lost = catalog.backups.supersedeDisks(id, lease);

    assertThat(lost).contains(new BackupId(id + "-lost1"));
    BackupRow moved = catalog.queries.backup(lost.orElseThrow());
    assertThat(moved.status()).isEqualTo(Status.ABANDONED);
    assertThat(moved.note().orElseThrow()).contains(id.value());
    assertThat(moved.disks()).extracting(BackupDiskRow::id).containsExactly(kept);
    assertThat(catalog.queries.backup(id).disks()).isEmpty();
    assertThat(catalog.queries.baseline(REPOSITORY, vm, 0).orElseThrow().image()).isEqualTo(kept);

    DiskBackupId again = catalog.disk(id, lease, 0);
    assertThat(again.value()).isEqualTo(kept + "-2");
    catalog.complete(again, lease, "c2");
    assertThat(catalog.backups.supersedeDisks(id, lease)).contains(new BackupId(id + "-lost2"));
    catalog.disk(id, lease, 0);
    assertThat(catalog.backups.supersedeDisks(id, lease)).isEmpty();
    assertThat(catalog.queries.backup(id).disks()).isEmpty();
  }

  @Test
  void snapshotOfASealedBackupGoesOnceItsProcessIsDead() throws Exception {
    long mortal = catalog.leases.acquire(ProcessIdentity.current(), LEASE).token();
    BackupId id = catalog.begin(vm, mortal);
    catalog.backups.snapshotOpened(id, mortal, "handle", START, START.plus(Duration.ofDays(1)));
    catalog.complete(catalog.disk(id, mortal, 0), mortal, "c");
    catalog.backups.sealed(id, mortal, clock.instant(), Optional.empty());

    assertThat(past(START)).isEmpty();
    assertThat(past(START.plus(Duration.ofDays(2)))).isEmpty();
    endLease(mortal);

    assertThat(past(START)).containsExactly(id);
    assertThat(catalog.leases.takeClosing(id, mortal, lease)).isTrue();
    assertThat(catalog.leases.takeClosing(id, mortal, lease)).isFalse();
    assertThat(past(START)).isEmpty();
    assertThat(catalog.queries.closing(REPOSITORY, vm)).hasSize(1);
    catalog.backups.snapshotClosed(id);
    assertThat(catalog.queries.closing(REPOSITORY, vm)).isEmpty();
  }

  private List<BackupId> past(Instant now) {
    return catalog.queries.snapshotsToClose(now).stream()
        .filter(row -> row.vmId().equals(vm))
        .map(BackupRow::id)
        .toList();
  }
}
