package dev.backstep.job.external;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.ExternalBackups;
import dev.backstep.job.ExternalBackups.DiskRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/**
 * What movers may rely on, and what none of them can break; run on each database. {@code
 * -Dmover.rounds=N} sets how often two movers meet.
 */
abstract class MoverRules extends MoverTest {

  private static final int ROUNDS = Integer.getInteger("mover.rounds", 20);

  @Test
  void twoMoversCompleteTwoDisksAtOnceAndOverwriteNothing() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      ExternalBackup backup = program.begin(definition);
      for (ExternalBackup.Disk disk : backup.disks()) {
        assertThat(disk.backingImage().isPresent()).isEqualTo(round > 0 && round % 60 > 0);
        if (round > 0) {
          assertThat(disk.previousChangeId())
              .contains(new ChangeId("round" + (round - 1) + "-disk" + disk.diskId()));
        }
      }
      String id = backup.id().value();
      CyclicBarrier start = new CyclicBarrier(2);
      List<Callable<ExternalBackup>> calls = new ArrayList<>();
      for (ExternalBackup.Disk disk : backup.disks()) {
        String change = "round" + round + "-disk" + disk.diskId();
        // By either id; now and then a mover repeats itself at the same time.
        String by = round % 2 == 0 ? id : disk.id().value();
        calls.add(() -> {
          if (disk.backingImage().isEmpty()) {
            disks.copyAll(disk.diskId(), disk.export().orElseThrow());
          } else {
            disks.copyWritten(disk.diskId(), disk.export().orElseThrow());
          }
          start.await();
          return program.complete(by, disk.diskId(), change);
        });
      }
      List<Future<ExternalBackup>> answers = new ArrayList<>();
      calls.forEach(call -> answers.add(movers.submit(call)));
      for (Future<ExternalBackup> answer : answers) {
        answer.get();
      }

      BackupRow row = program.row(backup.id());
      assertThat(row.status()).isEqualTo(Status.COMPLETED);
      for (BackupDiskRow disk : row.disks()) {
        assertThat(disk.changeId())
            .contains(new ChangeId("round" + round + "-disk" + disk.diskId()));
        sameAsTruth(row, disk.diskId());
        disks.live(disk.diskId());
      }
    }
    assertThat(program.queries().list(Optional.of(vm), 500)).hasSize(ROUNDS);
  }

  @Test
  void sameCallManyTimesAtOnceCompletesOnce() throws Exception {
    ExternalBackup backup = program.begin(definition);
    disks.copyAll(0, export(backup, 0));
    disks.copyAll(1, export(backup, 1));
    List<Future<ExternalBackup>> answers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      int diskId = i % 2;
      answers.add(movers.submit(() -> program.complete(backup.id().value(), diskId, "c" + diskId)));
    }
    for (Future<ExternalBackup> answer : answers) {
      answer.get();
    }

    BackupRow row = program.row(backup.id());
    assertThat(row.status()).isEqualTo(Status.COMPLETED);
    assertThat(row.disks()).extracting(BackupDiskRow::bytesTransferred).containsOnly(4096L);
    sameAsTruth(row, 0);
    sameAsTruth(row, 1);
    assertThat(program.complete(backup.id().value(), 0, "c0").status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void completedDiskKeepsItsChangeId() throws Exception {
    ExternalBackup backup = program.begin(definition);
    disks.copyAll(0, export(backup, 0));
    String id = backup.id().value();
    program.complete(id, 0, "first");

    refused(Kind.CONFLICT, () -> program.complete(id, 0, "second"), "first", "second");

    assertThat(program.queries().disk(backup.id(), 0).changeId()).contains(new ChangeId("first"));
    assertThat(program.row(backup.id()).status()).isEqualTo(Status.RUNNING);
    assertThat(program.queries().disk(backup.id(), 1).changeId()).isEmpty();
  }

  @Test
  void whoeverIsFirstWithAChangeIdStays() throws Exception {
    ExternalBackup backup = program.begin(definition);
    disks.copyAll(0, export(backup, 0));
    List<Future<ExternalBackup>> answers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      String change = "change" + i;
      answers.add(movers.submit(() -> program.complete(backup.id().value(), 0, change)));
    }
    int won = -1;
    for (int i = 0; i < 4; i++) {
      try {
        answers.get(i).get();
        assertThat(won).as("one only").isEqualTo(-1);
        won = i;
      } catch (java.util.concurrent.ExecutionException e) {
        assertThat(e.getCause())
            .asInstanceOf(type(OperatorException.class))
            .returns(Kind.CONFLICT, OperatorException::kind);
      }
    }

    BackupDiskRow disk = program.queries().disk(backup.id(), 0);
    assertThat(disk.changeId()).contains(new ChangeId("change" + won));
    assertThat(
            Repository.open(folder.resolve("repository"))
                .disk(VmId.ofName(vm), 0)
                .manifest(disk.id())
                .orElseThrow()
                .changeId())
        .isEqualTo("change" + won);
  }

  @Test
  void namesTheDiskExactlyOrRefuses() throws Exception {
    ExternalBackup backup = program.begin(definition);
    String id = backup.id().value();
    String first = backup.disks().getFirst().id().value();
    ExternalBackups.Completion anyDisk =
        new ExternalBackups.Completion(OptionalInt.empty(), Optional.empty(), 0, 0);

    refused(Kind.NOT_FOUND, () -> program.complete("backup-nobody", 0, "c"), "backup-nobody");
    refused(Kind.NOT_FOUND, () -> program.complete(id, 2, "c"), "no disk 2");
    refused(Kind.USAGE, () -> program.complete(first, 1, "c"), "disk 0");
    refused(Kind.USAGE, () -> program.movers().complete(id, anyDisk), "disk_id");
    disks.copyAll(0, export(backup, 0));
    program.movers().complete(first, anyDisk);

    assertThat(program.queries().disk(backup.id(), 0).status()).isEqualTo(Status.COMPLETED);
    assertThat(program.queries().disk(backup.id(), 1).status()).isEqualTo(Status.RUNNING);
  }

  @Test
  void diskOfAJobIsNotAMovers() throws Exception {
    Machines machines = program.bean(Machines.class);
    Backups backups = program.bean(Backups.class);
    BackupRow moved = completeAll(program.begin(definition), "c");
    long lease =
        program
            .bean(Leases.class)
            .acquire(ProcessIdentity.current(), Duration.ofMinutes(1))
            .token();
    BackupId id =
        backups.begin(
            new Backups.NewBackup(
                moved.vmId(), moved.repositoryId(), RequestedLevel.AUTO, definition, lease));
    int diskId = machines.diskId(moved.vmId(), new DiskKey("k0"));
    DiskBackupId disk = backups.addDisk(id, diskId, new DiskKey("k0"), 512, taken -> false);
    backups.planned(
        disk,
        lease,
        new Backups.Plan(Reason.REQUESTED, "", Optional.empty(), Optional.empty(), 1, 512, 512));

    refused(Kind.BUSY, () -> program.complete(id.value(), diskId, "c"), "copied by this program");
    refused(Kind.CONFLICT, () -> program.movers().keepAlive(id.value()), "copied by this program");

    assertThat(program.queries().disk(id, diskId).changeId()).isEmpty();
    refused(Kind.BUSY, () -> program.begin(definition), id.value());
    backups.ended(id, lease, Status.FAILED, Optional.empty());
  }

  @Test
  void eachDiskHasItsOwnLevelAndReason() throws Exception {
    BackupRow first = completeAll(program.begin(definition), "c");
    assertThat(first.disks())
        .extracting(BackupDiskRow::reason)
        .containsOnly(Optional.of(Reason.NO_BASELINE));

    ExternalBackup reset =
        program.begin(
            definition, true, new DiskRequest(new DiskKey("k1"), OptionalLong.empty(), true));
    assertThat(reset.disks())
        .extracting(ExternalBackup.Disk::reason)
        .containsExactly(Optional.of(Reason.CHANGED_EXTENTS), Optional.of(Reason.CBT_RESET));
    assertThat(reset.disks().get(1).previousChangeId()).contains(new ChangeId("c1"));
    assertThat(reset.disks().getFirst().backingImage())
        .hasValueSatisfying(
            base -> assertThat(base).hasFileName(first.disks().getFirst().id() + ".qcow2"));
    completeAll(reset, "d");

    Tool.run("qemu-img", "resize", "-q", "-f", "raw", disks.file(1), "8M");
    ExternalBackup grown = program.begin(definition);
    assertThat(grown.disks())
        .extracting(ExternalBackup.Disk::reason)
        .containsExactly(Optional.of(Reason.CHANGED_EXTENTS), Optional.of(Reason.DISK_RESIZED));
    assertThat(grown.disks().get(1).sizeBytes()).isEqualTo(8 << 20);
    BackupRow row = completeAll(grown, "e");
    sameAsTruth(row, 0);
    sameAsTruth(row, 1);
  }

  @Test
  void strictRequestRefusesAFullBeforeAnythingIsMade() throws Exception {
    completeAll(program.begin(definition), "c");
    ExternalBackups.Request request =
        new ExternalBackups.Request(
            true,
            true,
            Optional.empty(),
            List.of(new DiskRequest(new DiskKey("k1"), OptionalLong.empty(), true)));

    refused(
        Kind.UNPROTECTED,
        () -> program.begin(definition, RequestedLevel.INCREMENTAL, request),
        "disk 1",
        "CBT_RESET");

    assertThat(program.queries().list(Optional.of(vm), 10)).hasSize(1);
    assertThat(exporting()).isEmpty();
  }
}
