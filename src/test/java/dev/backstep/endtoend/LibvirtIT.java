package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The life of a domain's chain: what changed, what was lost, what was added, off and on again. */
class LibvirtIT extends LibvirtTest {

  @Test
  void runningGuestIsBackedUpFullAndThenByWhatChanged() throws Exception {
    guest.run("dd if=/dev/urandom of=/mnt/a/f bs=1M count=10; cp /mnt/a/f /mnt/b/f; sync");
    Point full = backUpLive();
    guest.run("dd if=/dev/urandom of=/mnt/b/g bs=1M count=8; sync");
    Point second = backUpLive();
    guest.run("rm /mnt/b/g; sync; fstrim /mnt/b");
    Point trimmed = backUpLive();

    assertThat(full.levels()).isEqualTo("vda full NO_BASELINE vdb full NO_BASELINE");
    for (Point incremental : List.of(second, trimmed)) {
      assertThat(incremental.levels())
          .isEqualTo("vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS");
    }
    assertThat(second.disk("vdb").get("bytes_stored").asLong()).isGreaterThan(8 << 20);
    assertThat(trimmed.disk("vdb").get("bytes_stored").asLong())
        .as("what was trimmed is stored as zeros, which take no room")
        .isLessThan(3 << 20);
    assertThat(checkpoints()).containsExactly(trimmed.disk("vda").get("change_id").asString());
    for (Point point : List.of(full, second, trimmed)) {
      assertRestores(point);
    }
  }

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
  void domainThatIsOffGoesOnWithTheChainAndSoDoesTheRunningOneAfterIt() throws Exception {
    guest.run("dd if=/dev/urandom of=/mnt/a/f bs=1M count=4; sync");
    Point live = backUpLive();
    guest.powerOff();
    Point off = backUpOff();
    Point again = backUpOff();
    guest.start();
    guest.run("dd if=/dev/urandom of=/mnt/b/h bs=1M count=4; sync");
    Point liveAgain = backUpLive();

    for (Point point : List.of(off, again, liveAgain)) {
      assertThat(point.levels())
          .isEqualTo("vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS");
    }
    assertThat(again.disk("vdb").get("bytes_transferred").asLong()).isZero();
    assertThat(checkpoints()).hasSize(1);
    assertThat(
            Tool.run("qemu-img", "info", "-U", host.disks().resolve("b.qcow2"))
                .split("name: backstep"))
        .as("bitmaps of ours")
        .hasSizeLessThanOrEqualTo(2);
    for (Point point : List.of(live, off, again, liveAgain)) {
      assertRestores(point);
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
