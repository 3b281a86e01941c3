package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.repository.Repository;
import dev.backstep.source.SourceFinding;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.vsphere.VsphereSourceProvider;
import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter;
import dev.backstep.testing.Vcenter.Vm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;

/**
 * Backups of VMs of a vCenter that speaks the real protocol. After every test each restore point
 * must hold what the vCenter froze, and neither snapshot, session nor child may be left.
 */
@Import(VsphereBackupTest.WithVsphere.class)
abstract class VsphereBackupTest extends JobTest {

  static final long MIB = 1 << 20;
  private static final AtomicInteger NUMBERS = new AtomicInteger();

  /** Names of snapshots that tests make beside the product. */
  private static final Set<String> OF_OTHERS = Set.of("manual", "before the update");

  @TempDir static Path lab;
  static Vcenter vcenter;

  @TestConfiguration
  static class WithVsphere {
    @Bean
    SourceProvider vsphereSource() {
      return new VsphereSourceProvider();
    }
  }

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @TempDir Path repository;

  final Random random = new Random(6);
  final Map<String, String> settings = new LinkedHashMap<>();
  final String name = "web-" + NUMBERS.incrementAndGet();
  Set<DiskKey> exclude = Set.of();
  int parallel = 3;
  Vm vm;

  /** The snapshot that each completed backup was read from. */
  final Map<BackupRow, String> taken = new LinkedHashMap<>();

  @BeforeAll
  static void startVcenter() throws IOException {
    vcenter = Vcenter.start(lab);
  }

  @AfterAll
  static void stopVcenter() {
    vcenter.close();
  }

  @BeforeEach
  void threeDisks() throws IOException {
    vm = vcenter.vm(name, 8 * MIB, 4 * MIB, 4 * MIB + 512);
    settings.putAll(vcenter.settings("name", name));
    guestWrites();
  }

  @AfterEach
  void nothingIsLeftAndEveryRestorePointIsRight() throws Exception {
    vcenter.control("calm");
    vcenter.readDelay("");
    vcenter.closeDelay("");
    for (BackupRow row : taken.keySet()) {
      checkRestorePoint(row);
    }
    assertThat(vcenter.snapshots()).as("snapshots that are left").isSubsetOf(OF_OTHERS);
    assertThat(vcenter.openSessions()).as("sessions that are left").isZero();
    assertThat(vcenter.servers()).as("children that are left").isEmpty();
  }

  final void guestWrites() throws IOException {
    for (int key : vm.keys()) {
      vcenter.write(vm, key, random, 12);
    }
  }

  final JobDefinition definition(CbtAuditDefinition audit) {
    return new JobDefinition(
        name,
        new SourceDefinition("vsphere", List.of(), settings),
        exclude,
        repository.toString(),
        RequestedLevel.AUTO,
        CbtResetPolicy.FULL,
        Compression.NONE,
        1,
        parallel,
        60,
        audit,
        Optional.empty(),
        Optional.empty());
  }

  final BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).as("%s ends", run.backup()).isTrue();
    return queries.backup(run.backup());
  }

  final BackupRow backup() throws Exception {
    return ended(
        jobs.launch(definition(new CbtAuditDefinition(0, Duration.ZERO)), RequestedLevel.AUTO));
  }

  final BackupRow complete() throws Exception {
    return completed(backup());
  }

  final BackupRow completed(BackupRow row) throws Exception {
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    assertThat(row.snapshotHandle()).isEmpty();
    taken.put(row, newestFrozen());
    return row;
  }

  /** Morefs grow. */
  private static String newestFrozen() throws IOException {
    try (var folders = Files.list(lab.resolve("frozen"))) {
      return folders
          .map(folder -> folder.getFileName().toString())
          .max(
              java.util.Comparator.comparingInt(
                  moref -> Integer.parseInt(moref.replaceFirst(".*-", ""))))
          .orElseThrow();
    }
  }

  private void checkRestorePoint(BackupRow row) throws IOException {
    Repository opened = Repository.open(repository);
    for (BackupDiskRow disk : row.disks()) {
      Path image = opened.disk(row.vmId(), disk.diskId()).image(disk.id());
      Path frozen = vcenter.frozen(taken.get(row), disk.diskKey().value());
      assertThat(disk.virtualSize()).isEqualTo(Files.size(frozen));
      Tool.checkImage(image);
      Tool.compare(image, "qcow2", frozen, "raw");
    }
  }

  static List<Reason> reasons(BackupRow row) {
    return row.disks().stream().map(disk -> disk.reason().orElseThrow()).toList();
  }

  final void fault(String method, String... fields) {
    String[] all = new String[fields.length + 2];
    all[0] = "method";
    all[1] = method;
    System.arraycopy(fields, 0, all, 2, fields.length);
    vcenter.control("fault", all);
  }

  final List<SourceFinding> examined() throws IOException {
    return new VsphereSourceProvider()
        .open(new SourceDefinition("vsphere", List.of(), settings), lab)
        .examine(exclude);
  }

  final BackupRow failsForAMissingRight() throws Exception {
    fault("QueryChangedDiskAreas", "count", "3", "fault", "NoPermission");
    BackupRow failed = backup();
    vcenter.control("calm");
    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(vcenter.snapshots(vm)).containsValue(failed.id().value());
    return failed;
  }
}
