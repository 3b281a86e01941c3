package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LibvirtXmlTests {

  private static final DiskKey VDA = new DiskKey("vda");
  private static final DiskKey VDB = new DiskKey("vdb");
  private static final String DOMAIN =
      """
      <domain type='kvm'>
        <name>web</name>
        <uuid>7a4b1f9e-0000-4000-8000-000000000001</uuid>
        <os><type>hvm</type><nvram>/var/web.fd</nvram></os>
        <devices>
          <disk type='file' device='disk'>
            <driver name='qemu' type='qcow2'/><source file='/d/a.qcow2' index='2'/>
            <backingStore/><target dev='vda'/>
          </disk>
          <disk type='block'>
            <driver name='qemu' type='raw'/><source dev='/dev/vg/b'/><target dev='vdb'/><readonly/>
          </disk>
          <disk type='network' device='disk'>
            <source protocol='rbd' name='p/c'/><target dev='vdc'/>
          </disk>
          <disk type='file' device='cdrom'><source file='/i.iso'/><target dev='sda'/></disk>
          <disk type='file' device='disk'><target dev='vdd'/></disk>
          <interface type='network'><mac address='52:54:00:00:00:01'/></interface>
        </devices>
      </domain>
      """;

  @Test
  void findsTheDisksOfADomain() throws Exception {
    Domain domain = Domain.parse(DOMAIN);

    assertThat(domain.name()).isEqualTo("web");
    assertThat(domain.uuid()).isEqualTo("7a4b1f9e-0000-4000-8000-000000000001");
    assertThat(domain.disks())
        .containsExactly(
            new Domain.Disk(VDA, "file", "/d/a.qcow2", "qcow2", "2", true),
            new Domain.Disk(VDB, "block", "/dev/vg/b", "raw", "", false),
            new Domain.Disk(new DiskKey("vdc"), "network", "", "raw", "", true));
  }

  @Test
  void refusesADocumentThatNamesAnother() {
    assertThatThrownBy(() -> Domain.parse("<!DOCTYPE x SYSTEM '/etc/passwd'><x/>"))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no XML");
  }

  @Test
  void checkpointKeepsTheSizesOfItsDisks() throws Exception {
    Checkpoint made = new Checkpoint(new ChangeId("cp1"), Map.of(VDA, 100L, VDB, 2L));
    Domain domain = Domain.parse(DOMAIN);

    assertThat(Checkpoint.parse(made.xml(domain))).isEqualTo(made);
    assertThat(Checkpoint.parse(made.redefinition(domain, DOMAIN, Instant.EPOCH))).isEqualTo(made);
    assertThat(made.xml(domain)).contains("checkpoint=\"no\" name=\"vdc\"");
  }

  @Test
  void jobNamesEveryDiskSoThatNoneJoinsUnasked() throws Exception {
    Path socket = Path.of("/s/backstep-1-2-3.sock");
    BackupJob job = new BackupJob(socket, Map.of(VDA, new ChangeId("cp1")), Set.of(VDA, VDB));

    String xml = job.xml(Domain.parse(DOMAIN));

    assertThat(BackupJob.socketOf(xml)).isEqualTo(socket.toString());
    assertThat(BackupJob.disksOf(xml)).containsExactlyInAnyOrder(VDA, VDB);
    assertThat(xml)
        .contains("incremental=\"cp1\"", "/s/backstep-1-2-3.vda.scratch")
        .contains("backup=\"no\" name=\"vdc\"");
  }

  @Test
  void restoredDomainUnderAnotherNameIsANewOne() throws Exception {
    Map<DiskKey, Path> disks = Map.of(VDA, Path.of("/r/disk-0.qcow2"));

    String xml = RestoredDomain.xml(DOMAIN, "web2", disks, "qcow2");

    Domain domain = Domain.parse(xml);
    assertThat(domain.name()).isEqualTo("web2");
    assertThat(domain.disks())
        .containsExactly(new Domain.Disk(VDA, "file", "/r/disk-0.qcow2", "qcow2", "", true));
    assertThat(xml).doesNotContain("uuid", "nvram", "mac", "backingStore").contains("/i.iso");
  }

  @Test
  void restoredDomainUnderItsOldNameTakesItsOldPlace() throws Exception {
    Map<DiskKey, Path> disks = Map.of(VDA, Path.of("/r/disk-0.raw"));

    String xml = RestoredDomain.xml(DOMAIN, "web", disks, "raw");

    assertThat(Domain.parse(xml).uuid()).isEqualTo("7a4b1f9e-0000-4000-8000-000000000001");
    assertThat(xml).contains("nvram", "52:54:00:00:00:01", "type=\"raw\"");
  }
}
