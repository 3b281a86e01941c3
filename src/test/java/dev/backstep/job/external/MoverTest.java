package dev.backstep.job.external;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A program on a database, a VM of two disks for each test, and nothing left behind. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class MoverTest {

  private static final long DISK_BYTES = 4 << 20;

  MoverProgram program;
  ExecutorService movers;
  Path folder;
  String vm;
  TestDisks disks;
  String definition;

  /** The environment that names a database. */
  abstract Map<String, String> database();

  @BeforeAll
  void startProgram(@TempDir Path home) throws IOException {
    program = MoverProgram.start(home, database());
    movers = Executors.newCachedThreadPool();
  }

  @AfterAll
  void endProgram() {
    program.close();
    movers.close();
  }

  @BeforeEach
  void makeMachine(@TempDir Path temporary, TestInfo test) throws IOException {
    folder = temporary;
    vm = test.getTestMethod().orElseThrow().getName();
    disks = new TestDisks(folder, vm.hashCode(), DISK_BYTES, DISK_BYTES + 512);
    definition = disks.definition(vm);
    disks.live(0);
    disks.live(1);
  }

  /** No test leaves an export behind. */
  @AfterEach
  void endBackup() throws Exception {
    for (BackupRow row : program.queries().list(Optional.of(vm), 500)) {
      if (row.status() == Status.RUNNING && row.launch().mover().name().equals("EXTERNAL")) {
        program.jobs().stop(row.id().value());
      }
    }
    awaitNoExport();
  }

  void awaitNoExport() throws InterruptedException {
    for (int i = 0; i < 100 && !exporting().isEmpty(); i++) {
      Thread.sleep(50);
    }
    assertThat(exporting()).isEmpty();
  }

  /** The qemu-nbd processes that have an image of this test. */
  List<ProcessHandle> exporting() {
    return ProcessHandle.current()
        .descendants()
        .filter(process ->
            process
                .info()
                .commandLine()
                .filter(line -> line.contains("qemu-nbd") && line.contains(folder.toString()))
                .isPresent())
        .toList();
  }

  static String export(ExternalBackup backup, int diskId) {
    return backup.disks().get(diskId).export().orElseThrow();
  }

  BackupRow completeAll(ExternalBackup backup, String change) throws IOException {
    for (ExternalBackup.Disk disk : backup.disks()) {
      if (disk.backingImage().isEmpty()) {
        disks.copyAll(disk.diskId(), disk.export().orElseThrow());
      } else {
        disks.copyWritten(disk.diskId(), disk.export().orElseThrow());
      }
      program.complete(backup.id().value(), disk.diskId(), change + disk.diskId());
    }
    BackupRow row = program.row(backup.id());
    assertThat(row.status()).isEqualTo(Status.COMPLETED);
    return row;
  }

  void sameAsTruth(BackupRow row, int diskId) throws IOException {
    Repository repository = Repository.open(folder.resolve("repository"));
    repository.restorePoint(row.vmId(), row.id());
    Path image = repository.disk(row.vmId(), diskId).image(row.disks().get(diskId).id());
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", disks.file(diskId), "raw");
    assertThat(
            Files.exists(repository.disk(row.vmId(), diskId).partial(row.disks().get(diskId).id())))
        .isFalse();
  }

  static void refused(Kind kind, ThrowingCallable call, String... texts) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            OperatorException.class, e -> assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind))
        .hasMessageContainingAll(texts);
  }
}
