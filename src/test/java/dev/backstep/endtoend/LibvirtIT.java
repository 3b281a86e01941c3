package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The life of a domain's chain: what was lost, added, resized, is not tracked, and boots again. */
class LibvirtIT extends LibvirtTest {

  private static final String BOTH_INCREMENTAL =
      "vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS";

  @Test
  void guestIsBackedUpWhileItWritesAndWhatItTrimsTakesNoRoom() throws Exception {
    guest.run("rm -f /tmp/stop /tmp/stopped");
    guest.begin(
        "n=0; while [ ! -e /tmp/stop ]; do n=$((n+1));"
            + " dd if=/dev/urandom of=/mnt/a/w$((n%5)) bs=4k count=$((n%40)) conv=fsync;"
            + " dd if=/dev/urandom of=/mnt/b/w$((n%3)) bs=64k count=$((n%9)) conv=fsync;"
            + " rm -f /mnt/b/w$((n%7)); usleep 20000; done; touch /tmp/stopped");
    Point full = backUpLive();
    Point second = backUpLive();
    guest.run("dd if=/dev/urandom of=/mnt/b/g bs=1M count=16; sync");
    Point third = backUpLive();
    guest.run("touch /tmp/stop; while [ ! -e /tmp/stopped ]; do usleep 50000; done");
    guest.run("rm /mnt/b/g; sync; fstrim /mnt/b");
    Point trimmed = backUpLive();

    assertThat(full.levels()).isEqualTo("vda full NO_BASELINE vdb full NO_BASELINE");
    for (Point incremental : List.of(second, third, trimmed)) {
      assertThat(incremental.levels()).isEqualTo(BOTH_INCREMENTAL);
    }
    assertThat(third.disk("vdb").get("bytes_stored").asLong()).isGreaterThan(16 << 20);
    assertThat(trimmed.disk("vdb").get("bytes_stored").asLong())
        .as("what was trimmed is stored as zeros, which take no room")
        .isLessThan(8 << 20);
    assertThat(checkpoints()).containsExactly(trimmed.disk("vda").get("change_id").asString());
    for (Point point : List.of(full, second, third, trimmed)) {
      assertRestores(point);
    }
  }

  @Test
  void chainGoesOnUnderSnapshotsWhileTheGuestIsOffAndAfterCommits() throws Exception {
    Point full = backUpLive();
    guest.run("dd if=/dev/urandom of=/mnt/b/h bs=1M count=4; sync");
    putSnapshotOn("vdb");
    guest.run("dd if=/dev/urandom of=/mnt/b/i bs=1M count=2; sync");
    Point over = backUpLive();
    guest.run("cp /mnt/b/h /mnt/a/h; sync");
    putSnapshotOn("vda");
    guest.powerOff();
    Point off = backUpOff("backup", "vm");
    Point again = backUpOff("backup", "vm");
    guest.start();
    guest.run("dd if=/dev/urandom of=/mnt/b/j bs=1M count=2; sync");
    commit("vda");
    commit("vdb");
    Point committed = backUpLive();

    assertThat(off.levels())
        .as("what the first disk changed before its snapshot is in the image below alone")
        .isEqualTo("vda full CBT_RESET vdb incremental CHANGED_EXTENTS");
    for (Point incremental : List.of(over, again, committed)) {
      assertThat(incremental.levels()).isEqualTo(BOTH_INCREMENTAL);
    }
    assertThat(again.disk("vda").get("bytes_transferred").asLong()).isZero();
    assertThat(again.disk("vdb").get("bytes_transferred").asLong()).isZero();
    assertThat(checkpoints()).containsExactly(committed.disk("vda").get("change_id").asString());
    assertThat(bitmaps())
        .as("the last backup's, and the one that went below a snapshot")
        .containsExactlyInAnyOrder(
            committed.disk("vda").get("change_id").asString(),
            over.disk("vda").get("change_id").asString());
    for (Point point : List.of(full, over, off, again, committed)) {
      assertRestores(point);
    }
  }

  private static void putSnapshotOn(String disk) {
    String other = disk.equals("vda") ? "vdb" : "vda";
    host.virsh(
        "snapshot-create-as",
        "guest",
        "--disk-only",
        "--no-metadata",
        "--diskspec",
        disk + ",file=" + host.disks().resolve(disk + ".over"),
        "--diskspec",
        other + ",snapshot=no");
  }

  private static void commit(String disk) throws Exception {
    Path over = file(disk);
    host.virsh("blockcommit", "guest", disk, "--active", "--pivot", "--wait");
    Files.delete(over);
  }

  @Test
  void qemuThatIsKilledLosesItsBitmapsAndADiskThatIsNewHasNone() throws Exception {
    fill();
    backUpLive();
    fill();
    Process backup = stopInTheMiddle();
    guest.kill();
    signal(backup, "CONT");
    int status = backup.waitFor();
    guest.start();
    Point afterCrash = backUpLive();
    loseBitmap(afterCrash.disk("vda").get("change_id").asString());
    guest.run("cp /mnt/b/f /mnt/a/f; sync; rm /mnt/b/f; sync");
    Point afterLoss = backUpLive();
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", host.disks().resolve("c.qcow2"), "32M");
    Path added = host.owned(host.disks().resolve("c.qcow2"));
    attach(added, "vdc", "qcow2");
    guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M count=2; sync");
    try {
      Point withNew = backUpLive();
      host.virsh("blockresize", "guest", "vdc", "48M");
      guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M seek=40 count=1; sync");
      Point resized = backUpLive();

      assertThat(status).as(Files.readString(err())).isEqualTo(1);
      assertThat(afterCrash.levels()).isEqualTo("vda full CBT_RESET vdb full CBT_RESET");
      assertThat(afterLoss.levels())
          .isEqualTo("vda full CBT_RESET vdb incremental CHANGED_EXTENTS");
      assertThat(withNew.levels()).isEqualTo(BOTH_INCREMENTAL + " vdc full NEW_DISK");
      assertThat(resized.levels()).isEqualTo(BOTH_INCREMENTAL + " vdc incremental CHANGED_EXTENTS");
      for (Point point : List.of(afterCrash, afterLoss, withNew, resized)) {
        assertRestores(point);
      }
    } finally {
      host.virsh("detach-disk", "guest", "vdc", "--live");
      awaitDetached();
    }
  }

  /** The first disk's bitmap goes, the others stay. */
  private static void loseBitmap(String name) {
    String file = file("vda").toString();
    for (JsonNode node : guest.qmp("{\"execute\":\"query-named-block-nodes\"}")) {
      if (node.path("drv").asString("").equals("qcow2")
          && node.path("file").asString("").equals(file)) {
        removeBitmap(node, name);
      }
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
          .isEqualTo(BOTH_INCREMENTAL + " vdc full CBT_UNAVAILABLE vdd full CBT_UNAVAILABLE");
      assertRestores(second);
    } finally {
      host.virsh("detach-disk", "guest", "vdc", "--live");
      host.virsh("detach-disk", "guest", "vdd", "--live");
      awaitDetached();
    }
  }

  @Test
  void restoredDisksBootWithWhatTheGuestHad() throws Exception {
    guest.run("rm -f /mnt/a/f /mnt/a/after; echo remember > /mnt/a/word && sync");
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
