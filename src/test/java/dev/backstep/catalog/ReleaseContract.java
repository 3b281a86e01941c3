package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.REPOSITORY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;

/** What the catalog promises whoever gives up what an ended backup holds, on any database. */
abstract class ReleaseContract extends CatalogTest {

  private static final Instant HELD_UNTIL = START.plusSeconds(3600);

  private Releases releases;
  private BackupId backup = new BackupId("none");

  @BeforeEach
  void failedBackupWithASnapshot() throws Exception {
    releases =
        new Releases(
            catalog.dataSource,
            new DataSourceTransactionManager(catalog.dataSource),
            catalog.leases,
            clock);
    backup = catalog.begin(vm, lease);
    catalog.disk(backup, lease, 0);
    catalog.backups.snapshotOpened(backup, lease, "handle", START, HELD_UNTIL);
    catalog.backups.ended(backup, lease, Status.FAILED, Optional.of("broke off"));
  }

  private List<Releases.Release> underWay() {
    return releases.of(REPOSITORY, vm);
  }

  @Test
  void holdsNothingWhenItIsDone() {
    assertThat(releases.begin(backup, lease, Releases.FOREVER)).isTrue();
    Releases.Release release = new Releases.Release(backup, lease);
    assertThat(underWay()).containsExactly(release);
    assertThat(catalog.queries.backup(backup).snapshotHandle()).contains("handle");

    releases.done(release);

    assertThat(underWay()).isEmpty();
    BackupRow row = catalog.queries.backup(backup);
    assertThat(row.snapshotHandle()).isEmpty();
    assertThat(row.snapshotKeepUntil()).isEmpty();
    assertThat(row.status()).isEqualTo(Status.FAILED);
  }

  /** Its process died between making the snapshot and noting it. */
  @Test
  void snapshotThatWasNeverNotedIsGivenUpPastItsTime() throws Exception {
    Instant past = HELD_UNTIL.plusMillis(1);
    catalog.backups.snapshotClosed(backup);
    releases.mayHold(backup, HELD_UNTIL);
    assertThat(toClose(past)).as("it never ran").doesNotContain(backup);

    catalog.backups.resume(backup, lease);
    catalog.backups.executing(backup, lease, 1);
    catalog.backups.ended(backup, lease, Status.FAILED, Optional.of("its process died"));
    releases.mayHold(backup, HELD_UNTIL);
    releases.mayHold(backup, HELD_UNTIL.plusSeconds(1));

    assertThat(toClose(HELD_UNTIL)).doesNotContain(backup);
    assertThat(toClose(past)).contains(backup);
  }

  private List<BackupId> toClose(Instant now) {
    return catalog.queries.snapshotsToClose(now).stream().map(BackupRow::id).toList();
  }

  @Test
  void undoneKeepsWhatIsHeld() {
    assertThat(releases.begin(backup, lease, Releases.FOREVER)).isTrue();

    releases.undone(new Releases.Release(backup, lease));

    assertThat(underWay()).isEmpty();
    assertThat(catalog.queries.backup(backup).snapshotHandle()).contains("handle");
    assertThat(catalog.queries.backup(backup).snapshotKeepUntil()).contains(HELD_UNTIL);
  }

  @Test
  void snapshotThatIsToBeHeldLongerIsNotGivenUp() {
    assertThat(releases.begin(backup, lease, HELD_UNTIL)).isFalse();
    assertThat(underWay()).isEmpty();

    assertThat(releases.begin(backup, lease, HELD_UNTIL.plusMillis(1))).isTrue();
  }

  @Test
  void whatRunsOrIsCompletedIsNotGivenUp() throws Exception {
    catalog.backups.resume(backup, lease);
    boolean running = releases.begin(backup, lease, Releases.FOREVER);
    catalog.backups.continued(catalog.queries.disk(backup, 0).id(), lease);
    catalog.complete(catalog.queries.disk(backup, 0).id(), lease, "c1");
    catalog.backups.sealed(backup, lease, START, Optional.empty());

    assertThat(running).isFalse();
    assertThat(releases.begin(backup, lease, Releases.FOREVER)).isFalse();
    assertThat(underWay()).isEmpty();
  }

  @Test
  void oneProcessAtATimeUntilItsLeaseEnds() {
    long other = catalog.lease();
    assertThat(releases.begin(backup, other, Releases.FOREVER)).isTrue();

    assertThat(releases.begin(backup, lease, Releases.FOREVER)).isFalse();
    releases.done(new Releases.Release(backup, lease));
    assertThat(underWay()).extracting(Releases.Release::leaseToken).containsExactly(other);
    endLease(other);

    assertThat(releases.begin(backup, lease, Releases.FOREVER)).isTrue();
    releases.done(new Releases.Release(backup, other));
    assertThat(underWay()).extracting(Releases.Release::leaseToken).containsExactly(lease);
  }

  /** Whoever begins a backup of the VM is to see it, whatever became of the row. */
  @Test
  void isSeenWhenTheBackupIsRelaunchedMeanwhile() {
    assertThat(releases.begin(backup, lease, Releases.FOREVER)).isTrue();

    catalog.backups.resume(backup, catalog.lease());

    assertThat(underWay()).containsExactly(new Releases.Release(backup, lease));
  }

  @Test
  void oneWithoutSnapshotIsGivenUpAsWell() {
    catalog.backups.snapshotClosed(backup);

    assertThat(releases.begin(backup, lease, START)).isTrue();
    assertThat(catalog.queries.snapshotsToClose(START.plusSeconds(1)))
        .as("found again should its process die")
        .extracting(BackupRow::id)
        .contains(backup);
  }

  @Test
  void whatWasRelaunchedMeanwhileIsNotAbandonedAndTheOtherWayRound() {
    catalog.backups.resume(backup, lease);
    assertThat(releases.abandoned(backup)).isFalse();
    assertThat(catalog.queries.backup(backup).status()).isEqualTo(Status.RUNNING);
    catalog.backups.ended(backup, lease, Status.FAILED, Optional.of("again"));

    assertThat(releases.abandoned(backup)).isTrue();

    assertThat(catalog.backups.ended(backup, lease, Status.FAILED, Optional.of("late"))).isFalse();
    assertThat(catalog.queries.backup(backup).status()).isEqualTo(Status.ABANDONED);
    assertThat(catalog.queries.disk(backup, 0).status()).isEqualTo(Status.ABANDONED);
    assertThatThrownBy(() -> catalog.backups.resume(backup, lease))
        .hasMessageContaining("is ABANDONED");
  }
}
