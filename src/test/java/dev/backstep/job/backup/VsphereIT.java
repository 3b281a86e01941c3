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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import tools.jackson.databind.json.JsonMapper;

/**
 * Real backups of VMs of a vCenter that speaks the real protocol. After every test each restore
 * point must hold what the vCenter froze, and neither snapshot, session nor child may be left.
 */
class VsphereIT extends JobTest {

  private static final long MIB = 1 << 20;
  private static final AtomicInteger NUMBERS = new AtomicInteger();

  @TempDir static Path lab;
  private static Vcenter vcenter;

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

  private final Random random = new Random(6);
  private final Map<String, String> settings = new LinkedHashMap<>();
  private final String name = "web-" + NUMBERS.incrementAndGet();
  private Set<DiskKey> exclude = Set.of();
  private int parallel = 3;
  private Vm vm;

  /** The snapshot that each completed backup was read from. */
  private final Map<BackupRow, String> taken = new LinkedHashMap<>();

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
    for (BackupRow row : taken.keySet()) {
      checkRestorePoint(row);
    }
    assertThat(vcenter.openSessions()).as("sessions that are left").isZero();
    assertThat(vcenter.servers()).as("children that are left").isEmpty();
  }

  private void guestWrites() throws IOException {
    for (int key : vm.keys()) {
      vcenter.write(vm, key, random, 12);
    }
  }

  private JobDefinition definition(CbtAuditDefinition audit) {
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

  private BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).as("%s ends", run.backup()).isTrue();
    return queries.backup(run.backup());
  }

  private BackupRow backup() throws Exception {
    return ended(
        jobs.launch(definition(new CbtAuditDefinition(0, Duration.ZERO)), RequestedLevel.AUTO));
  }

  private BackupRow complete() throws Exception {
    return completed(backup());
  }

  private BackupRow completed(BackupRow row) throws Exception {
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

  private static List<Reason> reasons(BackupRow row) {
    return row.disks().stream().map(disk -> disk.reason().orElseThrow()).toList();
  }

  private void fault(String method, String... fields) {
    String[] all = new String[fields.length + 2];
    all[0] = "method";
    all[1] = method;
    System.arraycopy(fields, 0, all, 2, fields.length);
    vcenter.control("fault", all);
  }

  private List<SourceFinding> examined() throws IOException {
    return new VsphereSourceProvider()
        .open(new SourceDefinition("vsphere", List.of(), settings), lab)
        .examine(exclude);
  }

  private BackupRow failsForAMissingRight() throws Exception {
    fault("QueryChangedDiskAreas", "count", "3", "fault", "NoPermission");
    BackupRow failed = backup();
    vcenter.control("calm");
    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(vcenter.snapshots(vm)).containsValue(failed.id().value());
    return failed;
  }

  @Test
  void fullThenIncrementalOfThreeDisks() throws Exception {
    BackupRow full = complete();
    guestWrites();
    BackupRow incremental = complete();
    BackupRow quiet = complete();

    assertThat(reasons(full)).containsOnly(Reason.NO_BASELINE);
    assertThat(full.disks())
        .extracting(disk -> disk.diskKey().value())
        .containsExactly("2000", "2001", "2002");
    assertThat(reasons(incremental)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(quiet.disks()).allSatisfy(disk -> assertThat(disk.bytesRead()).isZero());
    assertThat(incremental.disks())
        .allSatisfy(disk ->
            assertThat(disk.changeId().orElseThrow().value())
                .matches("([0-9a-f]{2} ){7}[0-9a-f]{2}-([0-9a-f]{2} ){7}[0-9a-f]{2}/2"));
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void restorePointKeepsTheConfigurationOfTheVm() throws Exception {
    BackupRow row = complete();

    Map<String, String> kept =
        Repository.open(repository).restorePoint(row.vmId(), row.id()).vmDefinition();

    assertThat(kept.get("vsphere-configuration")).contains("VirtualDisk", vm.instanceUuid());
    assertThat(JsonMapper.shared().readTree(kept.get("vsphere-machine")).get("moref").asString())
        .isEqualTo(vm.moref());
  }

  @Test
  void trackingIsSwitchedOnByTheFirstBackup() throws Exception {
    vm = vcenter.vm(Map.of("name", name + "-off", "tracking", "false"), 4 * MIB, 2 * MIB);
    settings.put("name", name + "-off");
    guestWrites();

    BackupRow full = complete();
    guestWrites();
    BackupRow incremental = complete();

    assertThat(full.disks()).allSatisfy(disk -> assertThat(disk.changeId()).isPresent());
    assertThat(reasons(incremental)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void trackingIsNotSwitchedOnBesideSnapshotsOfOthers() throws Exception {
    vm = vcenter.vm(Map.of("name", name + "-off", "tracking", "false"), 2 * MIB);
    settings.put("name", name + "-off");
    vcenter.control("snapshot", "vm", vm.moref(), "name", "before the update");
    guestWrites();

    complete();
    BackupRow second = complete();

    assertThat(reasons(second)).containsOnly(Reason.CBT_UNAVAILABLE);
    assertThat(examined())
        .filteredOn(finding -> finding.what().equals("remark"))
        .anySatisfy(remark -> assertThat(remark.text()).contains("before the update"));
    assertThat(vcenter.snapshots(vm)).containsValue("before the update").hasSize(1);
  }

  @Test
  void resetOfOneDiskLeavesItsSiblingsIncremental() throws Exception {
    complete();
    guestWrites();
    vcenter.control("reset", "vm", vm.moref(), "key", "2001");

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactly(Reason.CHANGED_EXTENTS, Reason.CBT_RESET, Reason.CHANGED_EXTENTS);
    assertThat(row.disks().get(1).cause()).contains("tracking was begun anew");
  }

  @Test
  void trackingThatFailsHalfWayCostsThatDiskAFullCopy() throws Exception {
    parallel = 1;
    complete();
    guestWrites();
    fault("QueryChangedDiskAreas", "skip", "1", "fault", "FileFault");

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactlyInAnyOrder(
            Reason.CBT_RESET, Reason.CHANGED_EXTENTS, Reason.CHANGED_EXTENTS);
    assertThat(row.disks())
        .filteredOn(disk -> disk.reason().orElseThrow() == Reason.CBT_RESET)
        .allSatisfy(disk -> assertThat(disk.cause()).contains("FileFault"));
  }

  @Test
  void missingRightFailsTheBackupAndNotTheChain() throws Exception {
    complete();
    guestWrites();
    BackupRow failed = failsForAMissingRight();
    int snapshotsMade = vcenter.calls("CreateSnapshot_Task");

    BackupRow row = completed(ended(jobs.relaunch(failed.id().value())));

    assertThat(failed.error().orElse("")).contains("NoPermission");
    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.calls("CreateSnapshot_Task")).as("the same one").isEqualTo(snapshotsMade);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void brokenConnectionsAreAskedAgain() throws Exception {
    complete();
    guestWrites();
    fault("QueryChangedDiskAreas", "skip", "1", "drop", "true");
    fault("RetrievePropertiesEx", "status", "503");

    assertThat(reasons(complete())).containsOnly(Reason.CHANGED_EXTENTS);
  }

  @Test
  void sessionThatExpiresInTheMiddleIsOpenedAgain() throws Exception {
    complete();
    guestWrites();
    vcenter.readDelay("20ms");
    BackupRun run =
        jobs.launch(definition(new CbtAuditDefinition(8, Duration.ZERO)), RequestedLevel.AUTO);
    while (vcenter.snapshots(vm).isEmpty() && !run.await(Duration.ofMillis(5))) {
      // A snapshot is what comes before the questions.
    }
    vcenter.control("expire");

    assertThat(reasons(completed(ended(run)))).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void slowSnapshotIsWaitedForAlsoWhenItsTaskIsForgotten() throws Exception {
    fault("CreateSnapshot_Task", "task", "true", "delay", "1500", "changes", "forget");

    complete();

    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void snapshotWhoseAnswerIsLostIsFoundAndNotMadeTwice() throws Exception {
    int before = vcenter.calls("CreateSnapshot_Task");
    fault("CreateSnapshot_Task", "task", "true", "delay", "700", "changes", "lose");

    complete();

    assertThat(vcenter.calls("CreateSnapshot_Task")).isEqualTo(before + 1);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void failingSnapshotFailsTheBackupAndLeavesNothing() throws Exception {
    settings.put("quiesce", "off");
    fault("CreateSnapshot_Task", "task", "true", "fault", "GenericVmConfigFault");

    BackupRow failed = backup();

    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.error().orElse("")).contains("GenericVmConfigFault");
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void guestThatDoesNotComeToRestIsBackedUpUnlessThatIsRequired() throws Exception {
    vcenter.control("quiesce", "vm", vm.moref(), "fails", "true");
    complete();
    settings.put("quiesce", "required");

    BackupRow refused = backup();

    assertThat(refused.error().orElse("")).contains("ApplicationQuiesceFault");
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void wrongPasswordIsTold() throws Exception {
    Path other = Files.writeString(repository.resolveSibling("other" + name), "wrong");
    settings.put("password-file", other.toString());

    BackupRow failed = backup();

    assertThat(failed.error().orElse("")).contains("InvalidLogin").doesNotContain("wrong");
    Files.delete(other);
  }

  @Test
  void changedCertificateIsNotTrusted() throws Exception {
    vcenter.changeCertificate();

    BackupRow failed = backup();
    settings.putAll(vcenter.settings("name", name));
    complete();

    assertThat(failed.error().orElse("")).contains("certificate is not the one");
  }

  @Test
  void diskThatCannotBeProtectedIsNeverLeftOutSilently() throws Exception {
    vcenter.control("set", "vm", vm.moref(), "key", "2002", "mode", "independent_persistent");
    int before = vcenter.calls("CreateSnapshot_Task");

    BackupRow refused = backup();
    exclude = Set.of(new DiskKey("2002"));
    BackupRow row = complete();

    assertThat(refused.status()).isEqualTo(Status.FAILED);
    assertThat(refused.error().orElse("")).contains("2002", "independent_persistent", "exclude");
    assertThat(row.disks()).hasSize(2);
    assertThat(vcenter.calls("CreateSnapshot_Task")).isEqualTo(before + 1);
  }

  @Test
  void sharedBusAndFaultToleranceAreRefused() throws Exception {
    vcenter.control(
        "set", "vm", vm.moref(), "shared-bus", "physicalSharing", "fault-tolerance", "running");

    BackupRow refused = backup();

    assertThat(refused.error().orElse(""))
        .contains(
            "disk 2000", "disk 2001", "disk 2002", "shared with other VMs", "fault tolerance");
  }

  @Test
  void namesThatStandTwiceAreNotGuessed() throws Exception {
    Vm twin = vcenter.vm(Map.of("name", name, "folder", "other", "tracking", "true"), 2 * MIB);
    BackupRow refused = backup();
    settings.remove("name");
    settings.put("path", twin.path());
    vm = twin;
    guestWrites();

    BackupRow row = complete();

    assertThat(refused.error().orElse("")).contains("is 2 VMs", twin.path(), twin.moref());
    assertThat(row.disks()).hasSize(1);
  }

  @Test
  void namesMayHoldSlashesPercentSignsAndUnicode() throws Exception {
    String odd = name + "/b%20ü 'x' & [ds]";
    vm = vcenter.vm(Map.of("name", odd, "folder", "ä b/c", "tracking", "true"), 2 * MIB);
    settings.put("name", odd);
    guestWrites();
    complete();
    settings.remove("name");
    settings.put("path", vm.path());
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
  }

  @Test
  void machinesAreFoundByUuidMorefAndAttribute() throws Exception {
    vm = vcenter.vm(Map.of("name", name + "b", "attribute", "backup=" + name), 2 * MIB);
    for (Map.Entry<String, String> selector :
        Map.of(
                "moref", vm.moref(),
                "instance-uuid", vm.instanceUuid(),
                "attribute", "backup=" + name)
            .entrySet()) {
      settings.clear();
      settings.putAll(vcenter.settings(selector.getKey(), selector.getValue()));
      complete();
    }
    assertThat(taken).hasSize(3);
  }

  @Test
  void machineIsFoundByItsTag() throws Exception {
    String category = "Backup of " + name;
    for (String moref : List.of("group-v3", vm.moref())) {
      vcenter.control(
          "tag",
          "category",
          category,
          "tag",
          "täglich = 1",
          "vm",
          moref,
          "type",
          moref.startsWith("group") ? "Folder" : "VirtualMachine");
    }
    settings.clear();
    settings.putAll(vcenter.settings("tag", category + "=täglich = 1"));
    complete();

    Vm other = vcenter.vm(name + "-2", MIB);
    vcenter.control("tag", "category", category, "tag", "täglich = 1", "vm", other.moref());
    BackupRow ambiguous = backup();
    settings.put("tag", category + "=weekly");
    BackupRow unknown = backup();
    settings.put("tag", "no " + category + "=täglich = 1");
    BackupRow uncategorized = backup();

    assertThat(ambiguous.error().orElse("")).contains("is 2 VMs", vm.moref(), other.moref());
    assertThat(unknown.error().orElse("")).contains("no tag in category", "named weekly");
    assertThat(uncategorized.error().orElse("")).contains("no category of tags");
  }

  @Test
  void snapshotsOfOthersStay() throws Exception {
    vcenter.control("snapshot", "vm", vm.moref(), "name", "manual");
    complete();
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.snapshots(vm)).containsValue("manual").hasSize(1);
  }

  @Test
  void trackingThatLiesIsFoundByTheAudit() throws Exception {
    complete();
    guestWrites();
    vcenter.control("lie", "vm", vm.moref(), "key", "2000");

    BackupRow row =
        completed(
            ended(
                jobs.launch(
                    definition(new CbtAuditDefinition(1000, Duration.ZERO)), RequestedLevel.AUTO)));

    assertThat(reasons(row).getFirst()).isEqualTo(Reason.CBT_AUDIT_FAILED);
  }

  @Test
  void vcenterThatCallsDataUnusedIsNotBelieved() throws Exception {
    vcenter.control("lie", "vm", vm.moref());
    for (int key : vm.keys()) {
      try (var file = new java.io.RandomAccessFile(vcenter.live(vm, key).toFile(), "rw")) {
        byte[] first = new byte[(int) (2 * MIB)];
        random.nextBytes(first);
        file.write(first);
      }
    }

    assertThat(reasons(complete())).containsOnly(Reason.NO_BASELINE);
  }

  @Test
  void allIsReadWhereWhatIsInUseCannotBeTold() throws Exception {
    vcenter.control("star", "vm", vm.moref(), "fails", "true");

    BackupRow row = complete();

    assertThat(row.disks().getFirst().bytesRead()).isEqualTo(8 * MIB);
  }

  @Test
  void zerosInLargeChangedAreasAreNotRead() throws Exception {
    byte[] area = new byte[(int) (3 * MIB)];
    random.nextBytes(area);
    writeFirst(area);
    complete();
    writeFirst(new byte[area.length]);

    BackupRow row = complete();

    assertThat(reasons(row)).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(row.disks().getFirst().bytesRead()).isLessThan(MIB);
  }

  private void writeFirst(byte[] bytes) throws IOException {
    try (var file = new java.io.RandomAccessFile(vcenter.live(vm, 2000).toFile(), "rw")) {
      file.write(bytes);
    }
  }

  @Test
  void grownDiskIsCopiedWhole() throws Exception {
    complete();
    vcenter.control("set", "vm", vm.moref(), "key", "2001", "size", String.valueOf(6 * MIB));
    guestWrites();

    BackupRow row = complete();

    assertThat(reasons(row))
        .containsExactly(Reason.CHANGED_EXTENTS, Reason.DISK_RESIZED, Reason.CHANGED_EXTENTS);
  }

  @Test
  void removalIsTriedAgainAndConsolidated() throws Exception {
    fault("RemoveSnapshot_Task", "task", "true", "fault", "TaskInProgress");
    fault("RemoveSnapshot_Task", "task", "true", "changes", "consolidation");
    int before = vcenter.calls("ConsolidateVMDisks_Task");

    complete();

    assertThat(vcenter.calls("ConsolidateVMDisks_Task")).isEqualTo(before + 1);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void oneConnectionIsEnoughForManyDisks() throws Exception {
    settings.put("connections", "1");

    complete();
  }

  @Test
  void snapshotThatIsTooOldIsReplaced() throws Exception {
    settings.put("snapshot-age-max", "0s");
    BackupRow failed = failsForAMissingRight();

    BackupRow row = completed(ended(jobs.relaunch(failed.id().value())));

    assertThat(row.snapshotNo()).isEqualTo(2);
    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void nextBackupRemovesTheSnapshotOfOneThatFailed() throws Exception {
    BackupRow failed = failsForAMissingRight();

    complete();

    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void abandoningRemovesTheSnapshot() throws Exception {
    BackupRow failed = failsForAMissingRight();

    jobs.abandon(failed.id().value());

    assertThat(vcenter.snapshots(vm)).isEmpty();
  }

  @Test
  void examinationTellsWhatABackupNeeds() throws Exception {
    vcenter.control("deny", "privilege", "VirtualMachine.State.RemoveSnapshot");
    vcenter.control("set", "vm", vm.moref(), "key", "2001", "mode", "independent_nonpersistent");

    List<SourceFinding> findings = examined();

    assertThat(findings).extracting(SourceFinding::what).contains("vddk", "server", "machine");
    assertThat(findings)
        .filteredOn(finding -> !finding.good())
        .extracting(SourceFinding::text)
        .anySatisfy(text -> assertThat(text).contains("2001", "independent_nonpersistent"))
        .anySatisfy(text -> assertThat(text).contains("VirtualMachine.State.RemoveSnapshot"))
        .hasSize(2);
  }
}
