package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The life of a domain's chain: what was lost, added, resized, is not tracked, and boots again. */
class LibvirtIT extends LibvirtTest {

  @Test
  void qemuThatIsKilledLosesItsBitmapsAndADiskThatIsNewHasNone() throws Exception {
    backUpLive();
    guest.kill();
    guest.start();
    Point afterCrash = backUpLive();
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", host.disks().resolve("c.qcow2"), "32M");
    Path added = host.owned(host.disks().resolve("c.qcow2"));
    attach(added, "vdc", "qcow2");
    guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M count=2; sync");
    try {
      Point withNew = backUpLive();
      host.virsh("blockresize", "guest", "vdc", "48M");
      guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M seek=40 count=1; sync");
      Point resized = backUpLive();

      assertThat(afterCrash.levels()).isEqualTo("vda full CBT_RESET vdb full CBT_RESET");
      assertThat(withNew.levels())
          .isEqualTo(
              "vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS"
                  + " vdc full NEW_DISK");
      assertThat(resized.levels())
          .isEqualTo(
              "vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS"
                  + " vdc incremental CHANGED_EXTENTS");
      for (Point point : List.of(afterCrash, withNew, resized)) {
        assertRestores(point);
      }
    } finally {
      host.virsh("detach-disk", "guest", "vdc", "--live");
      awaitDetached();
    }
  }

  @Test
  void rawAndOldDisksAreReadWholeAndSayWhatWouldHelp() throws Exception {
    Path raw = host.disks().resolve("r.raw");
    Path old = host.disks().resolve("o.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "raw", raw, "8M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", old, "8M");
    attach(raw, "vdc", "raw");
    attach(old, "vdd", "qcow2");
    try {
      backUpLive();
      guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M count=1; cp /dev/vdc /dev/vdd; sync");
      Point second = backUpLive();

      assertThat(second.levels())
          .isEqualTo(
              "vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS"
                  + " vdc full CBT_UNAVAILABLE vdd full CBT_UNAVAILABLE");
      assertRestores(second);
    } finally {
      host.virsh("detach-disk", "guest", "vdc", "--live");
      host.virsh("detach-disk", "guest", "vdd", "--live");
      awaitDetached();
    }
  }

  @Test
  void restoredDisksBootWithWhatTheGuestHad() throws Exception {
    guest.run("echo remember > /mnt/a/word; sync");
    Point point = backUpLive();
    Path target = host.disks().resolve("restored");
    program.succeed(
        "restore",
        point.backup().get("backup_id").asString(),
        "--to",
        target.toString(),
        "--format",
        "qcow2",
        "--define",
        "restored",
        "--define-uri",
        host.uri());
    host.owned(target);
    guest.powerOff();
    LibvirtGuest restored = LibvirtGuest.defined(host, "restored");
    try {
      restored.start();

      assertThat(restored.run("cat /mnt/a/word")).isEqualTo("remember\n");
    } finally {
      host.virsh("destroy", "restored");
      host.virsh("undefine", "restored");
    }
  }
}
