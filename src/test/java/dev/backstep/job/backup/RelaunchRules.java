package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * What a backup that broke off leaves, and what becomes of it when it is relaunched; run on each
 * database.
 */
abstract class RelaunchRules extends OneBackupTest {

  @Test
  void snapshotOfABackupThatNobodyRelaunchesIsLetGoAfterItsKeepTime() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    machine.readBudget = 60_000_000;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));
    jobs.recoverDead();
    assertThat(disk.marks()).as("within the keep time").isNotEmpty();
    assertThat(partials()).isNotEmpty();

    hold(failed, "snapshot_keep_until = timestamp '2001-01-01 00:00:00'");
    jobs.closeSnapshots();

    assertThat(disk.marks()).isEmpty();
    assertThat(partials()).isEmpty();
    machine.readBudget = -1;
    BackupRow relaunched = ended(jobs.relaunch(failed.id().value()));
    assertThat(relaunched.status()).as("%s", relaunched.error()).isEqualTo(Status.COMPLETED);
    sameDisk(relaunched, disk);
  }

  @Test
  void aDiskWhoseTrackingLiedStaysFullWhenItIsRelaunched() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    SimulatedDisk sibling = addDisk("b", 3_000_000);
    disk.write();
    complete();
    disk.trouble = SimulatedDisk.Trouble.LIES;
    for (int i = 0; i < 60; i++) {
      disk.write();
    }
    sibling.write();
    BackupRow backup = null;
    for (int budget = 500_000; backup == null; budget += 500_000) {
      machine.readBudget = budget;
      BackupRow tried =
          ended(
              budget == 500_000
                  ? jobs.launch(definition(), RequestedLevel.AUTO)
                  : jobs.relaunch(queries.list(Optional.of(vm), 1).getFirst().id().value()));
      if (tried.disks().getFirst().reason().equals(Optional.of(Reason.CBT_AUDIT_FAILED))) {
        backup = tried;
      }
    }
    assertThat(backup.status()).as("it broke off behind the audit").isEqualTo(Status.FAILED);
    disk.trouble = SimulatedDisk.Trouble.NONE;
    machine.readBudget = -1;

    backup = ended(jobs.relaunch(backup.id().value()));

    assertThat(backup.status()).as("%s", backup.error()).isEqualTo(Status.COMPLETED);
    assertThat(reason(backup, 0)).isEqualTo(Reason.CBT_AUDIT_FAILED);
    assertThat(backup.disks().getFirst().bytesDiffering()).isPositive();
    assertThat(reason(backup, 1)).isEqualTo(Reason.CHANGED_EXTENTS);
    sameDisk(backup, disk, sibling);
  }

  @Test
  void stopEndsAtAChunkAndRelaunchGoesOnFromThere() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    BackupRun run = launchedIntoTheMiddle();

    jobs.stop(run.backup().value());
    BackupRow stopped = ended(run);
    assertThat(stopped.status()).isEqualTo(Status.STOPPED);
    assertThat(stopped.disks().getFirst().changeId()).isEmpty();
    machine.readMillis = 0;
    BackupRow backup = ended(jobs.relaunch(run.backup().value()));

    assertThat(backup.status()).isEqualTo(Status.COMPLETED);
    long read = backup.disks().getFirst().bytesRead();
    long total = backup.disks().getFirst().bytesTotal();
    assertThat(read).as("of %s bytes, little is read twice", total).isLessThan(total * 3 / 2);
    sameDisk(backup, disk);
  }

  /** As a process leaves it that dies between the job's instance and its first execution. */
  @Test
  void instanceWithoutAnyExecutionIsNoObstacle() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    BackupRun run = launchedIntoTheMiddle();
    jobs.stop(run.backup().value());
    long execution = ended(run).executionId().orElseThrow();
    String steps =
        "select STEP_EXECUTION_ID from BATCH_STEP_EXECUTION where JOB_EXECUTION_ID = :id";
    for (String delete :
        List.of(
            "delete from BATCH_STEP_EXECUTION_CONTEXT where STEP_EXECUTION_ID in (" + steps + ")",
            "delete from BATCH_STEP_EXECUTION where JOB_EXECUTION_ID = :id",
            "delete from BATCH_JOB_EXECUTION_CONTEXT where JOB_EXECUTION_ID = :id",
            "delete from BATCH_JOB_EXECUTION_PARAMS where JOB_EXECUTION_ID = :id",
            "delete from BATCH_JOB_EXECUTION where JOB_EXECUTION_ID = :id")) {
      jdbc.sql(delete).param("id", execution).update();
    }
    isToBeStoppedAMomentLater(run.backup());

    machine.readMillis = 0;
    BackupRow backup = ended(jobs.relaunch(run.backup().value()));

    assertThat(backup.status()).isEqualTo(Status.COMPLETED);
    sameDisk(backup, disk);
  }

  /** Between the end of Batch's execution and the backup's own. */
  @Test
  void backupThatEndsAtThisMomentIsToBeStoppedAMomentLater() throws Exception {
    addLargeDisk("a");
    BackupRun run = launchedIntoTheMiddle();
    jobs.stop(run.backup().value());
    ended(run);

    isToBeStoppedAMomentLater(run.backup());
  }

  /** Slow enough to be met on its way; the first chunk is committed. */
  private BackupRun launchedIntoTheMiddle() throws Exception {
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);
    awaitFirstChunk(run);
    return run;
  }

  private void isToBeStoppedAMomentLater(BackupId backup) {
    setStatus(backup, Status.RUNNING);
    assertThatThrownBy(() -> jobs.stop(backup.value()))
        .isInstanceOfSatisfying(
            OperatorException.class,
            e -> assertThat(e.kind()).isEqualTo(OperatorException.Kind.BUSY))
        .hasMessage(backup + " begins or ends at this moment; ask again");
    setStatus(backup, Status.STOPPED);
  }

  private void setStatus(BackupId backup, Status status) {
    jdbc.sql("update backups set status = ? where id = ?")
        .params(status.name(), backup.value())
        .update();
  }

  @Test
  void interruptedThreadNeverCompletesADiskThatIsNotWhole() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    BackupRun run = launchedIntoTheMiddle();

    Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("disk-"))
        .forEach(Thread::interrupt);
    BackupRow after = ended(run);

    machine.readMillis = 0;
    if (after.status() != Status.COMPLETED) {
      assertThat(after.disks().getFirst().changeId()).isEmpty();
      jobs.recoverDead();
      after = ended(jobs.relaunch(run.backup().value()));
    }
    assertThat(after.status()).isEqualTo(Status.COMPLETED);
    sameDisk(after, disk);
  }

  @Test
  void processThatLostItsLeasePublishesNothing() throws Exception {
    addLargeDisk("a");
    BackupRun run = launchedIntoTheMiddle();

    jdbc.sql("update backups set lease_token = lease_token + 1000000 where id = :id")
        .param("id", run.backup().value())
        .update();
    machine.readMillis = 0;
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();

    BackupRow backup = queries.backup(run.backup());
    assertThat(backup.status()).isNotEqualTo(Status.COMPLETED);
    assertThat(backup.disks().getFirst().changeId()).isEmpty();
    try (var files = Files.walk(folder.resolve("repository"))) {
      assertThat(files.filter(file -> file.toString().endsWith(".qcow2"))).isEmpty();
    }
  }

  /** What a database that went away in the middle of a commit leaves: nobody knows how it ended. */
  @Test
  void relaunchAfterTheSnapshotIsLostMixesNoMoments() throws Exception {
    SimulatedDisk first = addDisk("a", 2_000_000);
    SimulatedDisk second = addLargeDisk("b");
    first.write();
    machine.readBudget = 40_000_000;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));
    assertThat(failed.disks()).extracting(BackupDiskRow::status).contains(Status.COMPLETED);
    machine.readBudget = -1;
    machine.forgetsSnapshots = true;
    first.write();
    second.write();

    BackupRow backup = ended(jobs.relaunch(failed.id().value()));

    assertThat(backup.status()).as("%s", backup.error()).isEqualTo(Status.COMPLETED);
    sameDisk(backup, first, second);
    assertThat(queries.list(Optional.of(vm), 10))
        .as("the disk that was completed from the lost snapshot is kept as a link of its chain")
        .anyMatch(row -> row.id().value().equals(failed.id() + "-lost1"));
    assertThatThrownBy(() -> jobs.relaunch(failed.id() + "-lost1"))
        .as("else some of the disks would make a restore point")
        .isInstanceOf(OperatorException.class)
        .hasMessageContaining("cannot be relaunched");
  }

  @Test
  void failedBackupIsDoneAnewOnceANewerOneHasItsOwnSnapshot() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    disk.write();
    machine.readBudget = 0;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));
    machine.readBudget = -1;
    complete();
    disk.write();

    BackupRow relaunched = ended(jobs.relaunch(failed.id().value()));

    assertThat(relaunched.status()).isEqualTo(Status.COMPLETED);
    assertThat(reason(relaunched, 0)).isEqualTo(Reason.CHANGED_EXTENTS);
    sameDisk(relaunched, disk);
  }

  @Test
  void abandonedBackupLeavesNothingBehind() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    machine.readBudget = 60_000_000;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));

    jobs.abandon(failed.id().value());

    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.ABANDONED);
    assertThat(disk.marks()).isEmpty();
    assertThat(partials()).isEmpty();
  }

  private List<Path> partials() throws IOException {
    try (var files = Files.walk(folder.resolve("repository"))) {
      return files.filter(file -> file.toString().endsWith(".partial")).toList();
    }
  }
}
