package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
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
import org.junit.jupiter.api.Test;

/**
 * The rules that no accident may break, each with an attempt to break it; run on each database. The
 * simulated disks are large and slow enough that something can happen to them on the way.
 */
abstract class JobRules extends OneBackupTest {

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

  private BackupRow siblingIncremental(BackupRow backup) {
    assertThat(reason(backup, 1)).isEqualTo(Reason.CHANGED_EXTENTS);
    return backup;
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
}
