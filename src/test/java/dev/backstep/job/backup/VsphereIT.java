package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.BackupRun;
import dev.backstep.repository.Repository;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Real backups of VMs, and a connection that is not always there. */
class VsphereIT extends VsphereBackupTest {

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
  void sessionThatExpiresWhileADiskIsReadIsOpenedAgain() throws Exception {
    parallel = 1;
    int atFirst = vcenter.logins();
    complete();
    int before = vcenter.logins();
    guestWrites();
    vcenter.readDelay("1500ms");
    BackupRun run =
        jobs.launch(definition(new CbtAuditDefinition(0, Duration.ZERO)), RequestedLevel.AUTO);
    while (vcenter.servers().isEmpty()) {
      assertThat(run.await(Duration.ofMillis(20))).isFalse();
    }
    Thread.sleep(500);
    vcenter.control("expire");
    vcenter.readDelay("");
    assertThat(vcenter.servers()).as("the first disk is still read").hasSize(1);

    assertThat(reasons(completed(ended(run)))).containsOnly(Reason.CHANGED_EXTENTS);
    assertThat(vcenter.logins() - before).as("logins").isEqualTo(before - atFirst + 1);
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
  void noMoreDisksAreReadAtOnceThanTheLimitsAllow() throws Exception {
    vcenter.serversAtOnce();
    complete();
    assertThat(vcenter.serversAtOnce()).as("without a limit").isGreaterThan(1);
    for (String limit : List.of("connections", "host-connections")) {
      settings.put(limit, "1");
      guestWrites();

      complete();

      assertThat(vcenter.serversAtOnce()).as(limit).isEqualTo(1);
      settings.remove(limit);
    }
  }
}
