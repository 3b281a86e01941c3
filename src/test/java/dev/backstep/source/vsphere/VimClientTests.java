package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.DiskKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is sent for each method, element by element: a real server refuses any other order. The
 * orders are those of the schema of vim25.
 */
class VimClientTests {

  private static final Moref VM = Moref.machine("vm-45");
  private static final Moref SNAPSHOT = Moref.snapshot("snapshot-9");
  private static final DiskFacts DISK =
      new DiskFacts(
          2000,
          1000,
          0,
          "Hard disk 1",
          1000,
          "",
          "",
          "persistent",
          false,
          false,
          true,
          Optional.empty());
  private static final ExtentVisitor NOBODY = (offset, length, kind) -> {};

  @TempDir Path folder;
  private final ScriptedCarrier carrier = new ScriptedCarrier();
  private VimClient client;

  @BeforeEach
  void logIn() throws IOException {
    client = carrier.logIn(folder);
  }

  private String last() {
    return carrier.sent().getLast();
  }

  private void answerTask() {
    carrier.answer("<returnval type=\"Task\">task-1</returnval>");
    carrier.answer(
        "<returnval><objects><obj type=\"Task\">task-1</obj><propSet><name>info</name>"
            + "<val><state>success</state></val></propSet></objects></returnval>");
  }

  @Test
  void login() {
    assertThat(carrier.sent())
        .containsExactly(
            "<_this type=\"ServiceInstance\">ServiceInstance</_this>",
            "<_this type=\"SessionManager\">sm</_this><userName>me</userName>"
                + "<password>a&amp;&lt;b</password>");
  }

  @Test
  void logout() {
    client.close();

    assertThat(last()).isEqualTo("<_this type=\"SessionManager\">sm</_this>");
  }

  @Test
  void createSnapshot() throws IOException {
    answerTask();

    client.createSnapshot(VM, "a name", "a description", true);

    assertThat(carrier.sent().get(2))
        .isEqualTo(
            "<_this type=\"VirtualMachine\">vm-45</_this><name>a name</name>"
                + "<description>a description</description><memory>false</memory>"
                + "<quiesce>true</quiesce>");
  }

  @Test
  void waitingForATask() throws IOException {
    answerTask();

    client.createSnapshot(VM, "n", "d", false);

    assertThat(last())
        .isEqualTo(
            "<_this type=\"PropertyCollector\">pc</_this><specSet><propSet><type>Task</type>"
                + "<pathSet>info</pathSet></propSet><objectSet><obj type=\"Task\">task-1</obj>"
                + "</objectSet></specSet><options><maxObjects>500</maxObjects></options>");
  }

  @Test
  void removeSnapshot() throws IOException {
    answerTask();

    client.removeSnapshot(SNAPSHOT);

    assertThat(carrier.sent().get(2))
        .isEqualTo(
            "<_this type=\"VirtualMachineSnapshot\">snapshot-9</_this>"
                + "<removeChildren>false</removeChildren><consolidate>true</consolidate>");
  }

  @Test
  void enableTracking() throws IOException {
    answerTask();

    client.setTracking(VM, true);

    assertThat(carrier.sent().get(2))
        .isEqualTo(
            "<_this type=\"VirtualMachine\">vm-45</_this><spec>"
                + "<changeTrackingEnabled>true</changeTrackingEnabled></spec>");
  }

  /** What a vCenter tells of a VM, in parts. */
  private static XmlNode configuration() throws IOException {
    return XmlNode.parse(
        """
        <config xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
          <uuid>42-1</uuid><version>vmx-19</version><guestId>debian12_64Guest</guestId>
          <annotation>a &amp; b</annotation><files><vmPathName>[ds1] web/web.vmx</vmPathName></files>
          <bootOptions><efiSecureBootEnabled>true</efiSecureBootEnabled></bootOptions>
          <firmware>efi</firmware>
          <hardware><numCPU>4</numCPU><numCoresPerSocket>2</numCoresPerSocket>
            <memoryMB>4096</memoryMB>
            <device xsi:type="VirtualIDEController"><key>200</key></device>
            <device xsi:type="VirtualNVMEController"><key>31000</key><busNumber>0</busNumber></device>
            <device xsi:type="ParaVirtualSCSIController"><key>1000</key><busNumber>0</busNumber>
              <sharedBus>noSharing</sharedBus></device>
            <device xsi:type="VirtualLsiLogicController"><key>1001</key><busNumber>1</busNumber>
              <sharedBus>noSharing</sharedBus></device>
            <device xsi:type="VirtualVmxnet3"><key>4000</key>
              <deviceInfo><label>Network adapter 1</label></deviceInfo>
              <backing><deviceName>VM Network</deviceName></backing>
              <macAddress>00:50:56:01:02:03</macAddress></device>
            <device xsi:type="VirtualDisk"><key>2000</key><backing
              xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds2] web/web.vmdk</fileName>
              <thinProvisioned>false</thinProvisioned></backing><controllerKey>1000</controllerKey>
              <unitNumber>0</unitNumber><capacityInKB>8</capacityInKB></device>
            <device xsi:type="VirtualDisk"><key>2001</key>
              <deviceInfo><label>Hard disk 2</label></deviceInfo><backing
              xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds1] web/web_1.vmdk</fileName>
              </backing><controllerKey>1000</controllerKey>
              <unitNumber>1</unitNumber><capacityInKB>8</capacityInKB></device>
            <device xsi:type="VirtualDisk"><key>32000</key><backing
              xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds1] web/web_2.vmdk</fileName>
              </backing><controllerKey>31000</controllerKey>
              <unitNumber>0</unitNumber><capacityInKB>8</capacityInKB></device>
          </hardware></config>
        """
            .getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void createMachine() throws IOException {
    Map<DiskKey, Long> sizes = Map.of(new DiskKey("2000"), 8192L, new DiskKey("32000"), 1536L);
    answerTask();

    client.createMachine(
        new Moref("Folder", "group-v3"),
        new MachineSpec(configuration(), "a%2fb", Optional.empty(), sizes, true),
        new Moref("ResourcePool", "resgroup-8"));

    assertThat(carrier.sent().get(2))
        .isEqualTo(
            "<_this type=\"Folder\">group-v3</_this><config><name>a%2fb</name>"
                + "<version>vmx-19</version><uuid>42-1</uuid><guestId>debian12_64Guest</guestId>"
                + "<annotation>a &amp; b</annotation><files><vmPathName>[ds1]</vmPathName></files>"
                + "<numCPUs>4</numCPUs><numCoresPerSocket>2</numCoresPerSocket>"
                + "<memoryMB>4096</memoryMB>"
                + "<deviceChange><operation>add</operation>"
                + "<device xsi:type=\"ParaVirtualSCSIController\"><key>1000</key>"
                + "<busNumber>0</busNumber><sharedBus>noSharing</sharedBus></device></deviceChange>"
                + "<deviceChange><operation>add</operation>"
                + "<device xsi:type=\"VirtualNVMEController\"><key>31000</key>"
                + "<busNumber>0</busNumber></device></deviceChange>"
                + disk(2000, "[ds2]", false, 1000, 8, 8192)
                + disk(32000, "[ds1]", true, 31000, 2, 1536)
                + "<bootOptions><efiSecureBootEnabled>true</efiSecureBootEnabled></bootOptions>"
                + "<firmware>efi</firmware></config>"
                + "<pool type=\"ResourcePool\">resgroup-8</pool>");
  }

  private static String disk(
      int key, String file, boolean thin, int controller, int kib, int bytes) {
    return "<deviceChange><operation>add</operation><fileOperation>create</fileOperation>"
        + "<device xsi:type=\"VirtualDisk\"><key>%d</key>".formatted(key)
        + "<backing xsi:type=\"VirtualDiskFlatVer2BackingInfo\"><fileName>%s</fileName>"
            .formatted(file)
        + "<diskMode>persistent</diskMode><thinProvisioned>%s</thinProvisioned></backing>"
            .formatted(thin)
        + "<controllerKey>%d</controllerKey><unitNumber>0</unitNumber>".formatted(controller)
        + "<capacityInKB>%d</capacityInKB><capacityInBytes>%d</capacityInBytes>"
            .formatted(kib, bytes)
        + "</device></deviceChange>";
  }

  @Test
  void machineThatIsMadeAnewTellsWhatItHasNotGot() throws IOException {
    Map<DiskKey, Long> sizes = Map.of(new DiskKey("2000"), 8192L, new DiskKey("32000"), 1536L);

    assertThat(
            new MachineSpec(configuration(), "web", Optional.of("other"), sizes, false).leftOut())
        .containsExactly(
            "Network adapter 1 (VirtualVmxnet3, 00:50:56:01:02:03, VM Network)",
            "Hard disk 2 (VirtualDisk)");
  }

  @Test
  void machineWhoseDiskWasNotInItIsNotMade() {
    Map<DiskKey, Long> sizes = Map.of(new DiskKey("2009"), 8192L);

    assertThat(
            catchThrowableOfType(
                IOException.class,
                () -> new MachineSpec(configuration(), "web", Optional.empty(), sizes, false)))
        .hasMessageContaining("does not have all of its disks [2009]");
  }

  @Test
  void consolidate() throws IOException {
    answerTask();

    client.consolidate(VM);

    assertThat(carrier.sent().get(2)).isEqualTo("<_this type=\"VirtualMachine\">vm-45</_this>");
  }

  @Test
  void changedAreasPageByPageUpToTheCapacity() throws IOException {
    carrier.answer("<returnval><startOffset>0</startOffset><length>600</length></returnval>");
    carrier.answer(
        "<returnval><startOffset>600</startOffset><length>400</length><changedArea>"
            + "<start>900</start><length>200</length></changedArea></returnval>");
    List<String> extents = new ArrayList<>();

    client.changedAreas(
        VM, SNAPSHOT, DISK, "52/7", (offset, length, kind) -> extents.add(offset + "+" + length));

    assertThat(carrier.sent().subList(2, carrier.sent().size()))
        .containsExactly(question(0), question(600));
    assertThat(extents).as("clipped to the disk").containsExactly("900+100");
  }

  private static String question(int from) {
    return "<_this type=\"VirtualMachine\">vm-45</_this>"
        + "<snapshot type=\"VirtualMachineSnapshot\">snapshot-9</snapshot>"
        + "<deviceKey>2000</deviceKey><startOffset>"
        + from
        + "</startOffset><changeId>52/7</changeId>";
  }

  @Test
  void answerThatCoversNothingIsNoEnd() {
    carrier.answer("<returnval><startOffset>0</startOffset><length>0</length></returnval>");

    assertThat(
            catchThrowableOfType(
                IOException.class, () -> client.changedAreas(VM, SNAPSHOT, DISK, "52/7", NOBODY)))
        .hasMessageContaining("covers nothing from byte 0");
  }

  @Test
  void searchByUuidAndPath() throws IOException {
    client.byUuid("50-1", true);
    assertThat(last())
        .isEqualTo(
            "<_this type=\"SearchIndex\">si</_this><uuid>50-1</uuid><vmSearch>true</vmSearch>"
                + "<instanceUuid>true</instanceUuid>");

    client.byUuid("42-1", false);
    assertThat(last()).endsWith("<instanceUuid>false</instanceUuid>");

    client.byPath("/DC/vm/a%2fb");
    assertThat(last())
        .isEqualTo(
            "<_this type=\"SearchIndex\">si</_this><inventoryPath>DC/vm/a%2fb</inventoryPath>");
  }

  @Test
  void inventoryIsReadThroughAViewPageByPage() throws IOException {
    for (String type : List.of("Folder", "Datacenter", "VirtualMachine")) {
      carrier.answer("<returnval type=\"ContainerView\">view-" + type + "</returnval>");
      carrier.answer("<returnval><token>more</token></returnval>");
      carrier.answer("<returnval/>");
      carrier.answer("");
    }

    client.machines();

    assertThat(carrier.sent().subList(2, 6))
        .containsExactly(
            "<_this type=\"ViewManager\">vm</_this><container type=\"Folder\">group-d1</container>"
                + "<type>Folder</type><recursive>true</recursive>",
            "<_this type=\"PropertyCollector\">pc</_this><specSet><propSet><type>Folder</type>"
                + "<pathSet>name</pathSet><pathSet>parent</pathSet></propSet><objectSet>"
                + "<obj type=\"ContainerView\">view-Folder</obj><skip>true</skip>"
                + "<selectSet xsi:type=\"TraversalSpec\"><type>ContainerView</type>"
                + "<path>view</path><skip>false</skip></selectSet></objectSet></specSet>"
                + "<options><maxObjects>500</maxObjects></options>",
            "<_this type=\"PropertyCollector\">pc</_this><token>more</token>",
            "<_this type=\"ContainerView\">view-Folder</_this>");
  }

  @Test
  void privileges() throws IOException {
    carrier.answer(
        "<returnval><entity type=\"VirtualMachine\">vm-45</entity>"
            + "<privAvailability><privId>A</privId><isGranted>true</isGranted></privAvailability>"
            + "<privAvailability><privId>B</privId><isGranted>false</isGranted></privAvailability>"
            + "</returnval>");

    assertThat(client.missingPrivileges(VM, List.of("A", "B"))).containsExactly("B");
    assertThat(last())
        .isEqualTo(
            "<_this type=\"AuthorizationManager\">am</_this>"
                + "<entity type=\"VirtualMachine\">vm-45</entity><sessionId>key-1</sessionId>"
                + "<privId>A</privId><privId>B</privId>");
  }

  @Test
  void currentTime() throws IOException {
    carrier.answer("<returnval>2026-11-27T08:47:50.9Z</returnval>");

    assertThat(client.now()).hasToString("2026-11-27T08:47:50.900Z");
    assertThat(last()).isEqualTo("<_this type=\"ServiceInstance\">ServiceInstance</_this>");
  }

  @Test
  void answersWithDocumentTypesAreRefused() {
    byte[] bomb =
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>"
            .getBytes(StandardCharsets.UTF_8);

    assertThat(catchThrowableOfType(IOException.class, () -> XmlNode.parse(bomb)))
        .hasMessageContaining("no XML that is accepted");
  }

  @Test
  void controlCharactersCannotBreakARequest() {
    assertThat(SoapBody.of("M", VM).text("a", "b\u0000c\u001b<&").envelope())
        .contains("<a>b?c?&lt;&amp;</a>");
  }

  @Test
  void changeIdsOfAnotherTrackingAreNotAskedAbout() {
    assertThat(TrackingId.obstacle("52 de/81", "52 de/82")).isEmpty();
    assertThat(TrackingId.obstacle("52 de/81", "53 aa/82").orElse("")).contains("begun anew");
    assertThat(TrackingId.obstacle("52 de/81", "52 de/80").orElse("")).contains("went back");
    assertThat(TrackingId.obstacle("*", "52 de/80").orElse("")).contains("no change id of VMware");
  }
}
