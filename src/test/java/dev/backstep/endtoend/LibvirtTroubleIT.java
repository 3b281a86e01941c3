package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.VmSource;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Whatever dies or fills up in the middle: nothing is left, and what is stored is true. */
class LibvirtTroubleIT extends LibvirtTest {

  private static final SnapshotRequest REQUEST =
      new SnapshotRequest(
          new RepositoryId("r1"), new BackupId("backup-vm-20260101-000000"), Map.of(), Set.of());

  @Test
  void anotherProgramsJobIsRespected() throws Exception {
    Path xml = folder.resolve("other.xml");
    Files.writeString(
        xml,
        """
        <domainbackup mode='pull'>
          <server transport='unix' socket='%s'/>
          <disks><disk name='vda' backup='yes' type='file'><scratch file='%s'/></disk></disks>
        </domainbackup>
        """
            .formatted(host.scratch().resolve("other.sock"), host.scratch().resolve("other")));
    host.virsh("backup-begin", "guest", xml);
    try {
      Program.Result refused = program.run("backup", "vm");

      assertThat(refused.errors()).contains("another program's backup job", "other.sock");
      assertThat(refused.status()).isEqualTo(5);
      assertThat(host.virsh("backup-dumpxml", "guest")).contains("other.sock");
    } finally {
      host.virsh("domjobabort", "guest");
    }
  }

  @Test
  void guestIsFrozenAndThawedByTheBackupItself() throws Exception {
    define("quiesce: required");

    JsonNode backup = program.succeed("backup", "vm", "--json").json();

    String id = backup.get("backup_id").asString();
    Path point = folder.resolve("repository/vms/vm/restore-points/" + id + ".json");
    JsonNode kept = Program.json(Files.readString(point)).get("vm_definition");
    assertThat(kept.get("quiesce").asString()).isEqualTo("frozen");
    assertThat(kept.get("libvirt-domain").asString()).contains("<name>guest</name>");
  }

  @Test
  void guestThatFindsNoRoomForWhatItOverwritesGoesOnAndTheSnapshotIsGivenUp() throws Exception {
    guest.run("dd if=/dev/urandom of=/mnt/a/f bs=1M count=20; sync");
    Path small = Files.createDirectory(host.folder().resolve("small"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=2M,mode=1777", "none", small);
    try {
      try (Snapshot snapshot = source(small).snapshot(REQUEST)) {
        guest.begin(
            "dd if=/dev/zero of=/mnt/a/f bs=1M count=20 conv=notrunc,fsync;"
                + " echo OVERWRITTEN > /dev/ttyS0");
        LibvirtGuest.await("a guest that goes on", () -> guest.said("OVERWRITTEN"));

        assertThat(guest.state()).startsWith("running");
        assertThatThrownBy(() -> snapshot.disks().getFirst().open(2))
            .hasMessageContaining("given up")
            .hasMessageContaining("want of room");
      }
      assertThat(small).isEmptyDirectory();
    } finally {
      Tool.run("umount", small);
    }
  }

  /** {@code -Dlibvirt.rounds=N} sets their number. */
  @Test
  void roundsOfSnapshotsLeaveNothing() throws Exception {
    VmSource source = source(host.scratch());
    for (int i = Integer.getInteger("libvirt.rounds", 5); i > 0; i--) {
      source.snapshot(REQUEST).close();
    }
    assertThat(checkpoints()).hasSize(1);

    source.releaseMarks(REQUEST.repository(), Map.of());

    assertThat(checkpoints()).isEmpty();
  }
}
