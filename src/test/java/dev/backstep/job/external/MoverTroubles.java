package dev.backstep.job.external;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.testing.Tool;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Movers that fall silent or lie, exports and processes that die; run on each database. */
abstract class MoverTroubles extends MoverTest {

  private List<Path> files(String end) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return files.filter(file -> file.toString().endsWith(end)).toList();
    }
  }

  private void pastDeadline(ExternalBackup backup) {
    program
        .jdbc()
        .sql("update backups set mover_deadline = created_at where id = :id")
        .param("id", backup.id().value())
        .update();
  }

  private void awaitEnd(BackupId backup) throws InterruptedException {
    for (int i = 0; i < 200 && program.row(backup).status() == Status.RUNNING; i++) {
      Thread.sleep(50);
    }
  }

  @Test
  void silentMoverLosesItsBackupAndNothingOfItStays() throws Exception {
    ExternalBackup backup = program.begin(definition);
    disks.copyAll(0, export(backup, 0));
    disks.copyAll(1, export(backup, 1));
    program.complete(backup.id().value(), 0, "c0");

    pastDeadline(backup);
    awaitEnd(backup.id());

    BackupRow row = program.row(backup.id());
    assertThat(row.status()).isEqualTo(Status.FAILED);
    assertThat(row.error()).hasValueSatisfying(error -> assertThat(error).contains("no sign"));
    assertThat(row.disks())
        .extracting(BackupDiskRow::status)
        .as("a completed disk stays as a link of its chain")
        .containsExactly(Status.COMPLETED, Status.FAILED);
    assertThat(files(".partial")).isEmpty();
    assertThat(files(".qcow2")).hasSize(1);
    awaitNoExport();
    refused(Kind.CONFLICT, () -> program.complete(backup.id().value(), 1, "c1"), "FAILED");
    refused(Kind.CONFLICT, () -> program.movers().keepAlive(backup.id().value()), "FAILED");
    ExternalBackup next = program.begin(definition);
    assertThat(next.disks())
        .extracting(ExternalBackup.Disk::reason)
        .containsExactly(Optional.of(Reason.CHANGED_EXTENTS), Optional.of(Reason.NEW_DISK));
  }

  /** A release that this one was before may have written what this one does not read. */
  @Test
  void backupThatCannotBeLookedAfterHoldsUpNoOther() throws Exception {
    ExternalBackup silent = program.begin(definition);
    BackupRow newer =
        completeAll(program.begin(disks.definition(vm + "-newer")), "c"); // looked after first
    as(newer, Status.RUNNING, "another: language");

    pastDeadline(silent);
    awaitEnd(silent.id());
    Status whole = program.row(newer.id()).status();
    as(newer, Status.COMPLETED, newer.definition());

    assertThat(program.row(silent.id()).status()).isEqualTo(Status.FAILED);
    assertThat(whole).isEqualTo(Status.RUNNING);
  }

  private void as(BackupRow backup, Status status, String stored) {
    program
        .jdbc()
        .sql("update backups set status = :status, definition = :stored where id = :id")
        .param("status", status.name())
        .param("stored", stored)
        .param("id", backup.id().value())
        .update();
  }

  @Test
  void signOfLifeMovesTheDeadline() throws Exception {
    ExternalBackup backup = program.begin(definition);
    Instant deadline = Instant.now().plusSeconds(4);
    program
        .jdbc()
        .sql("update backups set mover_deadline = :deadline where id = :id")
        .param("deadline", LocalDateTime.ofInstant(deadline, ZoneOffset.UTC))
        .param("id", backup.id().value())
        .update();
    ExternalBackup answer = program.movers().keepAlive(backup.disks().get(1).id().value());

    assertThat(answer.silentUntil()).isAfter(backup.silentUntil().minusSeconds(1));
    assertThat(answer.disks()).isEqualTo(backup.disks());
    Thread.sleep(Duration.between(Instant.now(), deadline.plusMillis(1500)));
    assertThat(program.row(backup.id()).status()).isEqualTo(Status.RUNNING);
  }

  @Test
  void operatorGivesItUpAndCannotRelaunchIt() throws Exception {
    ExternalBackup backup = program.begin(definition);
    String id = backup.id().value();
    refused(Kind.BUSY, () -> program.jobs().recover(id, true), "stop");
    refused(Kind.FAILED, () -> program.jobs().relaunch(id), "another program");

    program.jobs().recoverDead();
    assertThat(program.jobs().take(backup.id())).isFalse();
    assertThat(program.row(backup.id()).status()).isEqualTo(Status.RUNNING);
    program.jobs().stop(id);

    assertThat(program.row(backup.id()).status()).isEqualTo(Status.ABANDONED);
    assertThat(files(".partial")).isEmpty();
    awaitNoExport();
    refused(Kind.FAILED, () -> program.jobs().relaunch(id), "another program");
    refused(Kind.CONFLICT, () -> program.complete(id, 0, "c"), "ABANDONED");
    completeAll(program.begin(definition), "c");
  }

  @Test
  void givenUpInTheMiddleOfACompletionPublishesNothing() throws Exception {
    for (int i = 0; i < 5; i++) {
      ExternalBackup backup = program.begin(definition);
      disks.copyAll(0, export(backup, 0));
      var call =
          movers.submit(() -> {
            try {
              return program.complete(backup.id().value(), 0, "c").status().name();
            } catch (dev.backstep.job.OperatorException e) {
              return e.getMessage();
            }
          });
      Thread.sleep(i * 12L);
      program.jobs().stop(backup.id().value());
      call.get();

      BackupDiskRow disk = program.queries().disk(backup.id(), 0);
      boolean published = disk.status() == Status.COMPLETED;
      assertThat(program.row(backup.id()).status()).isEqualTo(Status.ABANDONED);
      assertThat(files(disk.id() + ".qcow2")).hasSize(published ? 1 : 0);
      assertThat(files(disk.id() + ".json")).hasSize(published ? 1 : 0);
      assertThat(files(".partial")).isEmpty();
      Thread.sleep(1000);
    }
  }

  @Test
  void exportThatDiedIsToldToTheMoverBeforeItMayComplete() throws Exception {
    ExternalBackup backup = program.begin(definition);
    disks.copyAll(0, export(backup, 0));
    disks.copyAll(1, export(backup, 1));
    exporting().forEach(ProcessHandle::destroyForcibly);

    refused(Kind.CONFLICT, () -> program.complete(backup.id().value(), 0, "c0"), "broke off 1");
    ExternalBackup now = program.movers().keepAlive(backup.id().value());

    assertThat(now.disks()).extracting(ExternalBackup.Disk::interruptions).containsOnly(1);
    assertThat(now.disks().getFirst().export()).isNotEqualTo(backup.disks().getFirst().export());
    disks.copyAll(0, export(now, 0));
    disks.copyAll(1, export(now, 1));
    refused(Kind.CONFLICT, () -> program.complete(backup.id().value(), 0, "c0", 2), "broke off 1");
    program.complete(backup.id().value(), 0, "c0", 1);
    program.complete(backup.id().value(), 1, "c1", 1);
    sameAsTruth(program.row(backup.id()), 0);
    sameAsTruth(program.row(backup.id()), 1);
  }

  @Test
  void imageThatIsNotTheOneHandedOutIsRefused() throws Exception {
    ExternalBackup first = program.begin(definition, false);
    for (ExternalBackup.Disk disk : first.disks()) {
      assertThat(disk.export()).isEmpty();
      convert(disk);
      program.complete(first.id().value(), disk.diskId(), "c" + disk.diskId());
      sameImage(disk);
    }
    ExternalBackup backup = program.begin(definition, false);
    ExternalBackup.Disk disk = backup.disks().getFirst();
    String id = backup.id().value();
    byte[] empty = Files.readAllBytes(disk.image());

    convert(disk);
    refused(Kind.FAILED, () -> program.complete(id, 0, "d"), "backing file");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk.image(), "1M");
    refused(Kind.FAILED, () -> program.complete(id, 0, "d"), "virtual size");
    Files.write(disk.image(), new byte[100_000]);
    refused(Kind.FAILED, () -> program.complete(id, 0, "d"), "magic");
    Files.delete(disk.image());
    refused(Kind.FAILED, () -> program.complete(id, 0, "d"), "no such file");
    byte[] damaged = empty.clone();
    damaged[65_536 + 7] = 1;
    Files.write(disk.image(), damaged);
    refused(Kind.FAILED, () -> program.complete(id, 0, "d"), disk.image().toString());

    assertThat(program.queries().disk(backup.id(), 0).status()).isEqualTo(Status.RUNNING);
    Files.write(disk.image(), empty);
    program.complete(id, 0, "d");
  }

  /** The mover puts an image of its own into the place of the one it was given. */
  private void convert(ExternalBackup.Disk disk) {
    Tool.run(
        "qemu-img", "convert", "-O", "qcow2", "-f", "raw", disks.file(disk.diskId()), disk.image());
  }

  private void sameImage(ExternalBackup.Disk disk) {
    Path image = disk.image().resolveSibling(disk.id() + ".qcow2");
    Tool.compare(image, "qcow2", disks.file(disk.diskId()), "raw");
  }

  @Test
  void imageThatAnotherProgramStillWritesIsRefused() throws Exception {
    ExternalBackup backup = program.begin(definition, false);
    Path image = backup.disks().getFirst().image();
    Process writer = new ProcessBuilder("qemu-io", "-f", "qcow2", image.toString()).start();
    try (var commands = writer.outputWriter(StandardCharsets.UTF_8);
        var answers = writer.inputReader(StandardCharsets.UTF_8)) {
      commands.write("write -P 1 0 64k\n");
      commands.flush();
      assertThat(answers.readLine()).contains("wrote 65536");
      refused(Kind.BUSY, () -> program.complete(backup.id().value(), 0, "c"), "open for writing");
    }
    assertThat(writer.waitFor(20, TimeUnit.SECONDS)).isTrue();
    program.complete(backup.id().value(), 0, "c");
  }

  @Test
  void backupThatCannotBeBegunIsGivenUpAsSoonAsItCanBe() throws Exception {
    completeAll(program.begin(definition), "c");
    Path disk = folder.resolve("repository/vms/" + VmId.ofName(vm) + "/disk-1");
    Files.move(disk, disk.resolveSibling("away"));
    Files.writeString(disk, "in the way");

    refused(Kind.FAILED, () -> program.begin(definition), "disk-1");
    assertThat(exporting()).isEmpty();

    Files.delete(disk);
    Files.move(disk.resolveSibling("away"), disk);
    BackupRow row = program.queries().list(Optional.of(vm), 1).getFirst();
    awaitEnd(row.id());
    assertThat(program.row(row.id()).status()).isEqualTo(Status.FAILED);
    assertThat(files(".partial")).isEmpty();
    completeAll(program.begin(definition), "d");
  }

  @Test
  void orderlyEndOfTheServerLosesNothing(@TempDir Path home) throws Exception {
    Map<String, String> database = database();
    ExternalBackup backup;
    try (MoverProgram first = MoverProgram.start(home, database)) {
      backup = first.begin(definition);
      disks.copyAll(0, export(backup, 0));
      disks.copyAll(1, export(backup, 1));
      first.complete(backup.id().value(), 1, "c1");
    }
    awaitNoExport();

    try (MoverProgram second = MoverProgram.start(home, database)) {
      ExternalBackup now = second.movers().keepAlive(backup.id().value());
      assertThat(now.disks()).extracting(ExternalBackup.Disk::interruptions).containsOnly(0);
      assertThat(now.disks().getFirst().export()).isPresent();
      second.complete(backup.id().value(), 0, "c0");
      sameAsTruth(second.row(backup.id()), 0);
      sameAsTruth(second.row(backup.id()), 1);
    }
  }

  @Test
  void killedServerLeavesNoExportAndTheNextOneGoesOn(@TempDir Path home) throws Exception {
    Map<String, String> database = database();
    Path file = Files.writeString(folder.resolve("vm.yaml"), definition);
    Process process = MoverProgram.startProcess(home, file, database);
    String id;
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      id = lines.readLine();
      disks.copyAll(0, lines.readLine());
      disks.copyAll(1, lines.readLine());
    } finally {
      process.destroyForcibly().waitFor();
    }
    awaitNoExport();

    try (MoverProgram second = MoverProgram.start(home, database)) {
      refused(Kind.CONFLICT, () -> second.complete(id, 0, "c0"), "broke off 1", "keep-alive");
      ExternalBackup now = second.movers().keepAlive(id);
      assertThat(now.disks()).extracting(ExternalBackup.Disk::interruptions).containsOnly(1);
      disks.copyAll(0, export(now, 0));
      second.complete(id, 0, "c0", 1);
      // What was flushed is there: nbdcopy did so.
      second.complete(id, 1, "c1", 1);
      assertThat(second.row(now.id()).status()).isEqualTo(Status.COMPLETED);
      sameAsTruth(second.row(now.id()), 0);
      sameAsTruth(second.row(now.id()), 1);
    }
  }
}
