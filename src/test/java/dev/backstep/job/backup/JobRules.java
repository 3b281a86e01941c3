package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * The rules that no accident may break, each with an attempt to break it; run on each database. The
 * simulated disks are large and slow enough that something can happen to them on the way.
 */
abstract class JobRules extends OneMachineTest {

  private static final int LARGE = 160 << 20;

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired JdbcClient jdbc;

  private SimulatedDisk addDisk(String key, int size) {
    SimulatedDisk disk = new SimulatedDisk(key, size, new Random(key.hashCode()));
    machine.disks.put(key, disk);
    return disk;
  }

  private SimulatedDisk addLargeDisk(String key) {
    SimulatedDisk disk = addDisk(key, LARGE);
    for (int i = 0; i < 1500; i++) {
      disk.write();
    }
    return disk;
  }

  private JobDefinition definition() {
    return definition("level: auto");
  }

  private JobDefinition definition(String field) {
    return SimulatedSource.definition(vm, folder.resolve("repository"), field);
  }

  private BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    return queries.backup(run.backup());
  }

  private BackupRow complete() throws InterruptedException {
    return complete(definition(), RequestedLevel.AUTO);
  }

  private BackupRow complete(JobDefinition definition, RequestedLevel level)
      throws InterruptedException {
    BackupRow backup = ended(jobs.launch(definition, level));
    assertThat(backup.status()).as("%s", backup.error()).isEqualTo(Status.COMPLETED);
    return backup;
  }

  private void awaitFirstChunk(BackupRun run) throws InterruptedException {
    for (int i = 0; i < 3000; i++) {
      BackupRow backup = queries.backup(run.backup());
      if (backup.disks().stream().anyMatch(disk -> disk.bytesRead() > 30_000_000)) {
        return;
      }
      Thread.sleep(5);
    }
    throw new AssertionError("no chunk was committed");
  }

  private Reason reason(BackupRow backup, int diskId) {
    return backup.disks().get(diskId).reason().orElseThrow();
  }

  @Test
  void restorePointKeepsWhatTheSourceGaveToRebuildTheVm() throws Exception {
    addDisk("a", 100_000).write();

    BackupRow backup = complete();

    Repository repository = Repository.open(Path.of(definition().repository()));
    assertThat(repository.restorePoint(backup.vmId(), backup.id()).vmDefinition())
        .containsKeys("simulated", "job-definition");
  }

  /** The one before still removes marks that nobody needs, when it is COMPLETED already. */
  @Test
  void nextBackupMakesNoMarksBeforeTheOneBeforeHasLetItsSnapshotGo() throws Exception {
    addDisk("a", 100_000).write();
    BackupRow first = complete();
    hold(first, "snapshot_handle = 'held', snapshot_keep_until = timestamp '2999-01-01 00:00:00'");

    BackupRun next = jobs.launch(definition(), RequestedLevel.AUTO);

    assertThat(next.await(Duration.ofSeconds(1))).isFalse();
    assertThat(machine.snapshotsMade).isEqualTo(1);
    hold(first, "snapshot_handle = null, snapshot_keep_until = null");
    assertThat(ended(next).status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void nextBackupLetsTheSnapshotGoOfOneWhoseProcessDied() throws Exception {
    addDisk("a", 100_000).write();
    BackupRow first = complete();
    hold(
        first,
        """
        snapshot_handle = 'held', snapshot_keep_until = timestamp '2999-01-01 00:00:00',
        lease_token = 1000000\
        """);

    BackupRow next = complete();

    assertThat(queries.backup(first.id()).snapshotKeepUntil()).isEmpty();
    assertThat(reason(next, 0)).isEqualTo(Reason.CHANGED_EXTENTS);
  }

  @Test
  void abandoningAnOldBackupTakesNoMarksOfOneThatRuns() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    machine.readBudget = 0;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));
    machine.readBudget = -1;
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);
    awaitFirstChunk(run);

    jobs.abandon(failed.id().value());

    machine.readMillis = 0;
    assertThat(ended(run).status()).isEqualTo(Status.COMPLETED);
    disk.write();
    assertThat(reason(complete(), 0)).isEqualTo(Reason.CHANGED_EXTENTS);
  }

  private void hold(BackupRow backup, String assignments) {
    jdbc.sql("update backups set " + assignments + " where id = :id")
        .param("id", backup.id().value())
        .update();
  }

  @Test
  void disksThatAreLeftOutAreNotTouched() throws Exception {
    SimulatedDisk first = addDisk("a", 3_000_000);
    SimulatedDisk second = addDisk("b", 3_000_000);
    SimulatedDisk third = addDisk("c", 3_000_000);
    first.write();
    second.write();
    third.write();

    BackupRow backup = complete(definition("exclude: [ b ]"), RequestedLevel.AUTO);

    assertThat(second.marks()).isEmpty();
    sameDisk(backup, first, third);
    assertThat(reason(complete(), 2)).as("once it is not left out").isEqualTo(Reason.NEW_DISK);
  }

  @Test
  void noMoreDisksAreReadAtOnceThanTheDefinitionSays() throws Exception {
    for (String key : List.of("a", "b", "c", "d", "e")) {
      addDisk(key, 3_000_000).write();
    }
    machine.readMillis = 20;

    complete();

    assertThat(machine.openMax()).isEqualTo(definition().parallelDisksMax());
  }

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

  private List<Path> partials() throws IOException {
    try (var files = Files.walk(folder.resolve("repository"))) {
      return files.filter(file -> file.toString().endsWith(".partial")).toList();
    }
  }

  @Test
  void everyReasonIsRecordedWithItsDiskAndNoOther() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    SimulatedDisk sibling = addDisk("b", 3_000_000);
    disk.write();
    sibling.write();
    JobDefinition comparing = definition("cbt-reset: compare");
    JobDefinition limited = definition("chain-limit: 1");
    List<Reason> reasons = new ArrayList<>(List.of(reason(complete(), 0)));

    disk.trouble = SimulatedDisk.Trouble.QUERY_FAILS;
    reasons.add(reason(siblingIncremental(complete()), 0));
    disk.trouble = SimulatedDisk.Trouble.NONE;
    disk.resize(2_000_000);
    reasons.add(reason(siblingIncremental(complete()), 0));
    disk.resetTracking();
    disk.write();
    BackupRow compared = siblingIncremental(complete(comparing, RequestedLevel.AUTO));
    reasons.add(reason(compared, 0));
    reasons.add(reason(complete(limited, RequestedLevel.AUTO), 0));
    addDisk("c", 1_000_000).write();
    reasons.add(reason(siblingIncremental(complete()), 2));
    BackupRow last = complete(definition(), RequestedLevel.FULL);
    reasons.add(reason(last, 0));

    assertThat(reasons)
        .containsExactly(
            Reason.NO_BASELINE,
            Reason.CBT_QUERY_FAILED,
            Reason.DISK_RESIZED,
            Reason.COMPARED,
            Reason.CHAIN_TOO_LONG,
            Reason.NEW_DISK,
            Reason.REQUESTED);
    assertThat(compared.disks().getFirst().cause()).startsWith("CBT_RESET");
    sameDisk(last, disk, sibling);
  }

  private BackupRow siblingIncremental(BackupRow backup) {
    assertThat(reason(backup, 1)).isEqualTo(Reason.CHANGED_EXTENTS);
    return backup;
  }

  @Test
  void aCompletedImageIsNeverWrittenAgain() throws Exception {
    SimulatedDisk first = addDisk("a", 3_000_000);
    SimulatedDisk second = addDisk("b", 3_000_000);
    first.write();
    second.write();
    complete();
    Map<Path, FileTime> images = images();
    first.write();
    second.write();
    machine.readBudget = 0;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));
    machine.readBudget = -1;
    ended(jobs.relaunch(failed.id().value()));
    second.resetTracking();
    complete();

    assertThat(images).hasSize(2);
    assertThat(images()).containsAllEntriesOf(images).hasSize(6);
  }

  /** Each with the moment at which it was last written. */
  private Map<Path, FileTime> images() throws IOException {
    Map<Path, FileTime> found = new HashMap<>();
    try (var files = Files.walk(folder.resolve("repository"))) {
      for (Path image : files.filter(file -> file.toString().endsWith(".qcow2")).toList()) {
        found.put(image, Files.getLastModifiedTime(image));
      }
    }
    return found;
  }

  @Test
  void sourceThatCannotBeAskedFailsTheBackupAndNotTheChain() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    disk.write();
    complete();
    disk.write();
    disk.trouble = SimulatedDisk.Trouble.UNREACHABLE;
    BackupRow failed = ended(jobs.launch(definition(), RequestedLevel.AUTO));
    disk.trouble = SimulatedDisk.Trouble.NONE;

    BackupRow relaunched = ended(jobs.relaunch(failed.id().value()));

    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.error().orElse("")).contains("the session is gone");
    assertThat(relaunched.status()).isEqualTo(Status.COMPLETED);
    assertThat(reason(relaunched, 0)).isEqualTo(Reason.CHANGED_EXTENTS);
  }

  @Test
  void resetOfOneDiskLeavesItsSiblingIncremental() throws Exception {
    SimulatedDisk first = addDisk("a", 3_000_000);
    SimulatedDisk second = addDisk("b", 3_000_000);
    first.write();
    second.write();
    complete();

    second.resetTracking();
    first.write();
    second.write();
    BackupRow backup = complete();

    assertThat(reason(backup, 0)).isEqualTo(Reason.CHANGED_EXTENTS);
    assertThat(reason(backup, 1)).isEqualTo(Reason.CBT_RESET);
    assertThat(backup.disks().get(1).baseId()).isEmpty();
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
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);
    awaitFirstChunk(run);

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
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);
    awaitFirstChunk(run);
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

    machine.readMillis = 0;
    BackupRow backup = ended(jobs.relaunch(run.backup().value()));

    assertThat(backup.status()).isEqualTo(Status.COMPLETED);
    sameDisk(backup, disk);
  }

  @Test
  void interruptedThreadNeverCompletesADiskThatIsNotWhole() throws Exception {
    SimulatedDisk disk = addLargeDisk("a");
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);
    awaitFirstChunk(run);

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
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);
    awaitFirstChunk(run);

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
  void secondBackupOfAVmIsRefusedWhileOneRuns() throws Exception {
    addLargeDisk("a");
    machine.readMillis = 60;
    BackupRun run = jobs.launch(definition(), RequestedLevel.AUTO);

    assertThatThrownBy(() -> jobs.launch(definition(), RequestedLevel.AUTO))
        .isInstanceOfSatisfying(
            OperatorException.class,
            e -> assertThat(e.kind()).isEqualTo(OperatorException.Kind.BUSY))
        .hasMessageContaining(run.backup().value());

    machine.readMillis = 0;
    assertThat(ended(run).status()).isEqualTo(Status.COMPLETED);
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

  @Test
  void baseThatIsMissingOrDamagedCostsAFull() throws Exception {
    SimulatedDisk disk = addDisk("a", 3_000_000);
    disk.write();
    Path image = image(complete(), 0);
    Files.move(image, image.resolveSibling("away"));
    BackupRow missing = complete();
    Path second = image(missing, 0);
    byte[] bytes = Files.readAllBytes(second);
    Files.write(second, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    BackupRow damaged = complete();

    assertThat(reason(missing, 0)).isEqualTo(Reason.BASE_MISSING);
    assertThat(reason(damaged, 0)).isEqualTo(Reason.BASE_FAILED_VERIFY);
  }

  private void sameDisk(BackupRow backup, SimulatedDisk... disks) throws Exception {
    sameDisks(folder, backup, disks);
  }
}
