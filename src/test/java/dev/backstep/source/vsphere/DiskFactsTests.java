package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What is read of a disk in a configuration, and what rules snapshots out. */
class DiskFactsTests {

  private static DiskFacts disk(String sharedBus, String backing, String content)
      throws IOException {
    return disks(
            """
            <device xsi:type="ParaVirtualSCSIController"><key>1000</key>
              <sharedBus>%s</sharedBus></device>
            <device xsi:type="VirtualDisk"><key>2001</key>
              <backing xsi:type="%s">%s</backing><controllerKey>1000</controllerKey>
              <unitNumber>1</unitNumber><capacityInKB>8</capacityInKB></device>
            """
                .formatted(sharedBus, backing, content))
        .getFirst();
  }

  private static List<DiskFacts> disks(String devices) throws IOException {
    String hardware =
        "<hardware xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
            + devices
            + "</hardware>";
    return DiskFacts.of(
        XmlNode.parse(hardware.getBytes(StandardCharsets.UTF_8)).children("device"));
  }

  private static Optional<String> obstacle(String backing, String content) throws IOException {
    return disk("noSharing", backing, content).obstacle();
  }

  @Test
  void flatDiskHasNoObstacle() throws IOException {
    DiskFacts disk =
        disk(
            "noSharing",
            "VirtualDiskFlatVer2BackingInfo",
            "<fileName>[ds] a/b.vmdk</fileName><changeId>52 1/7</changeId>");

    assertThat(disk.obstacle()).isEmpty();
    assertThat(disk.file()).isEqualTo("[ds] a/b.vmdk");
    assertThat(disk.changeId()).contains("52 1/7");
    assertThat(disk.sizeBytes()).as("as releases before 5.5 tell it").isEqualTo(8192);
  }

  @Test
  void rawDeviceInVirtualModeHasNoObstacle() throws IOException {
    assertThat(
            obstacle(
                "VirtualDiskRawDiskMappingVer1BackingInfo",
                "<fileName>[ds] a/rdm.vmdk</fileName>"
                    + "<compatibilityMode>virtualMode</compatibilityMode>"))
        .isEmpty();
  }

  @Test
  void whatSnapshotsLeaveOutIsTold() throws IOException {
    assertThat(
            obstacle(
                "VirtualDiskRawDiskMappingVer1BackingInfo",
                "<compatibilityMode>physicalMode</compatibilityMode>"))
        .get()
        .asString()
        .contains("physical mode");
    assertThat(obstacle("VirtualDiskRawDiskVer2BackingInfo", "")).isPresent();
    assertThat(obstacle("VirtualDiskLocalPMemBackingInfo", "")).isPresent();
    assertThat(
            obstacle(
                "VirtualDiskFlatVer2BackingInfo", "<diskMode>independent_persistent</diskMode>"))
        .get()
        .asString()
        .contains("independent_persistent");
  }

  @Test
  void sharedDisksAreTold() throws IOException {
    assertThat(obstacle("VirtualDiskFlatVer2BackingInfo", "<sharing>sharingMultiWriter</sharing>"))
        .get()
        .asString()
        .contains("multi-writer");
    for (String bus : List.of("physicalSharing", "virtualSharing")) {
      assertThat(disk(bus, "VirtualDiskFlatVer2BackingInfo", "").obstacle()).as(bus).isPresent();
    }
  }

  @Test
  void disksStandByTheirPlaceAndNotByTheOrderOfTheAnswer() throws IOException {
    String device =
        "<device xsi:type=\"VirtualDisk\"><key>%d</key><backing/><controllerKey>%d</controllerKey>"
            + "<unitNumber>%d</unitNumber><capacityInBytes>512</capacityInBytes></device>";

    assertThat(
            disks(
                device.formatted(2016, 1001, 0)
                    + device.formatted(2001, 1000, 1)
                    + device.formatted(2000, 1000, 0)))
        .extracting(DiskFacts::key)
        .containsExactly(2000, 2001, 2016);
  }
}
