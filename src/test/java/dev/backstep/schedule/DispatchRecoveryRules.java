package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.GoingOn;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.TransactionStatus;
import org.springframework.transaction.TransactionSystemException;

/** What goes on in the queue although its process, its database or its fire broke off. */
abstract class DispatchRecoveryRules extends QueueTest {

  @Test
  void backupOfADeadServerGoesOnHereAndOneOfACommandDoesNot() throws Exception {
    BackupId ours = running(vm("a"), NIGHTLY, Optional.empty());
    BackupId command = running(vm("b"), NIGHTLY, Optional.empty());
    jdbc.sql("update backups set origin = 'COMMAND' where id = :id")
        .param("id", command.value())
        .update();
    long other = otherLease();
    ownedBy(ours, other);
    ownedBy(command, other);
    realJobs.recoverBackups();
    Status whileAlive = row(ours).status();

    leases.release(other);
    realJobs.recoverBackups();
    BackupRow recovered = row(ours);
    clock.set(Instant.now());
    dispatcher().round();

    assertThat(whileAlive).isEqualTo(Status.RUNNING);
    assertThat(recovered.status()).isEqualTo(Status.FAILED);
    assertThat(recovered.error().orElseThrow()).contains("a server goes on with it");
    assertThat(jobs.begun(3)).containsExactly(ours, command, ours);
    assertThat(row(command).status()).isEqualTo(Status.FAILED);
    assertThat(row(command).error().orElseThrow()).contains("relaunch it");
  }

  @Test
  void backupThatOutlivesTooManyServersIsLeftToOperators() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY, Optional.empty());
    for (int death = 1; death <= 6; death++) {
      long other = otherLease();
      ownedBy(id, other);
      leases.release(other);
      realJobs.recoverBackups();
      clock.set(Instant.now());
      dispatcher().round();
    }

    assertThat(jobs.begun(6)).hasSize(6);
    assertThat(row(id).status()).isEqualTo(Status.FAILED);
  }

  /** As when the database was away at the end of a run. */
  @Test
  void backupThatThisProcessOwnsAndDoesNotRunIsPutRight() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY, Optional.empty());

    realJobs.recoverBackups();
    clock.set(Instant.now());
    dispatcher().round();

    assertThat(jobs.begun(2)).containsExactly(id, id);
  }

  /** The database failed over while it was told to commit. */
  @Test
  void backupThatWasTakenInATurnWhoseCommitGotNoAnswerIsPutRight() throws Exception {
    BackupId id = enqueue(vm("a"));
    BackupQueue sound = queue;
    queue = new BackupQueue(dataSource, new UnansweredCommits(transactions), clock);
    Dispatcher unlucky = dispatcher();
    queue = sound;
    assertThatThrownBy(unlucky::round).isInstanceOf(TransactionSystemException.class);
    assertThat(row(id).status()).isEqualTo(Status.RUNNING);
    assertThat(jobs.begun).isEmpty();

    realJobs.recoverBackups();
    Status recovered = row(id).status();
    clock.set(Instant.now());
    dispatcher().round();

    assertThat(recovered).isEqualTo(Status.FAILED);
    assertThat(jobs.begun(1)).containsExactly(id);
  }

  /** Commits, and does not say so. */
  private record UnansweredCommits(PlatformTransactionManager real)
      implements PlatformTransactionManager {

    @Override
    public TransactionStatus getTransaction(@Nullable TransactionDefinition definition) {
      return real.getTransaction(definition);
    }

    @Override
    public void commit(TransactionStatus status) {
      boolean all = status.isNewTransaction();
      real.commit(status);
      if (all) {
        throw new TransactionSystemException("the connection broke");
      }
    }

    @Override
    public void rollback(TransactionStatus status) {
      real.rollback(status);
    }
  }

  @Test
  void unfinishedBackupWaitsForAnotherOneOfItsVm() throws Exception {
    BackupId old = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(old, Status.STOPPED, "");
    GoingOn.at(jdbc, old, clock.instant().plusSeconds(60), Optional.empty());
    BackupId other = running(vm("a"), NIGHTLY, Optional.empty());

    clock.advance(Duration.ofMinutes(2));
    dispatcher().round();

    assertThat(row(old).status()).isEqualTo(Status.STOPPED);
    assertThat(row(old).launch().waitingFor()).contains(other + " of the same VM");
  }

  @Test
  void fireThatNobodyCameToAnEndWithIsTakenUp() throws Exception {
    clock.set(Instant.parse("2026-11-10T00:59:00Z"));
    define(vm("a"), NIGHTLY);
    reload().run();
    Instant due = Instant.parse("2026-11-10T01:00:00Z");
    clock.set(due);
    fires.begin(vm("a"), due);
    clock.advance(Duration.ofMinutes(3));

    dispatcher().recover();

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  /** It would be looked at again and again. */
  @Test
  void fireOfAScheduleThatWasRemovedMeanwhileComesToAnEnd() {
    Instant due = Instant.parse("2026-11-10T01:00:00Z");
    clock.set(due);
    fires.begin(vm("gone"), due);
    clock.advance(Duration.ofMinutes(3));

    dispatcher().recover();

    assertThat(fire(vm("gone")).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(fire(vm("gone")).reason()).contains("its schedule was removed meanwhile");
  }

  @Test
  void faultInOneThingToRecoverHoldsUpNoOther() throws Exception {
    clock.set(Instant.parse("2026-11-10T00:59:00Z"));
    define(vm("a"), NIGHTLY);
    reload().run();
    Instant due = Instant.parse("2026-11-10T01:00:00Z");
    clock.set(due);
    fires.begin(vm("a"), due);
    clock.advance(Duration.ofMinutes(3));
    jobs.recoveryFails = true;

    assertThatThrownBy(() -> dispatcher().recover()).hasMessage("a fault");

    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  @Test
  void ofTwoThatAreDueOneAfterTheOtherGoesOnAndNoOtherVmWaits() throws Exception {
    BackupId one = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(one, Status.STOPPED, "");
    BackupId two = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(two, Status.STOPPED, "");
    GoingOn.at(jdbc, one, clock.instant(), Optional.empty());
    GoingOn.at(jdbc, two, clock.instant(), Optional.empty());
    BackupId other = enqueue(vm("b"));

    dispatcher().round();

    assertThat(jobs.begun(4)).hasSize(4).contains(other);
    assertThat(List.of(row(one).status(), row(two).status()))
        .containsExactlyInAnyOrder(Status.RUNNING, Status.STOPPED);
    dispatcher().round();
    BackupId waits = row(one).status() == Status.STOPPED ? one : two;
    assertThat(row(waits).launch().waitingFor().orElseThrow()).contains("of the same VM");
  }

  /** The list of what is due is older than that. */
  @Test
  void whatAnOperatorEndedMeanwhileDoesNotBegin() throws Exception {
    BackupId failed = running(vm("b"), NIGHTLY, Optional.empty());
    BackupId queued = enqueue(vm("a"));
    jobs.ends(failed, Status.FAILED, "broken");
    GoingOn.at(jdbc, failed, clock.instant(), Optional.empty());

    realJobs.stop(queued.value());
    realJobs.stop(failed.value());

    assertThat(realJobs.take(queued)).isFalse();
    assertThat(realJobs.take(failed)).isFalse();
    assertThat(queue.later(failed, clock.instant(), Optional.empty())).isFalse();
    assertThat(row(queued).status()).isEqualTo(Status.STOPPED);
    assertThat(row(failed).status()).isEqualTo(Status.FAILED);
    assertThat(row(failed).launch().startAfter()).isEmpty();
  }

  /** Struck from the list of what is due, it would wait for ever, and its VM with it. */
  @Test
  void relaunchThatCameInBetweenIsNotStruckFromTheQueue() throws Exception {
    BackupId id = running(vm("a"), NIGHTLY, Optional.empty());
    jobs.ends(id, Status.FAILED, "broken");
    realJobs.requeue(id.value(), "operator");

    assertThat(continuations.notAgain(id, "an operator gave it up")).isFalse();

    clock.set(Instant.now());
    dispatcher().round();
    assertThat(jobs.begun(2)).containsExactly(id, id);
  }
}
